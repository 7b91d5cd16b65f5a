#!/bin/sh
# Makes the two environments in which the benchmark's published packages run, below the folder given.
#   sh tests/benchmarks/webarena/make_envs.sh /tmp/webarena-envs
# libwebarena pins an old beartype, and asks for more than its graders load; so what they load
# is installed by name. webarena-verified pins pydantic 2.12.0. Neither may share an environment with agentkit.
set -e
folder=${1:?give a folder}
python3 -m venv "$folder/libwebarena"
"$folder/libwebarena/bin/pip" install --quiet --no-deps libwebarena==0.0.4 beartype==0.12.0
"$folder/libwebarena/bin/pip" install --quiet nltk playwright pillow requests gymnasium numpy openai tiktoken aiolimiter \
    text-generation transformers
python3 -m venv "$folder/webarena-verified"
"$folder/webarena-verified/bin/pip" install --quiet webarena-verified==1.2.3
