"""The contract of `sandbox.contracts`, promise by promise.

Each is a coroutine function: its docstring is the promise, and it returns what it saw instead, or nothing when the
promise was kept. `sandbox.check` runs them.
"""
