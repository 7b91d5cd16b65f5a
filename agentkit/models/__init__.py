"""Models: `chat` over litellm, `pilot` without a key, `scripted` and `cassette`; all behind one contract.

`load.load_model` turns a name into a model, and `metered.metered` charges its calls to a budget.
"""
