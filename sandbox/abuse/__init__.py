"""Attacks on a sandbox as data, the secrets they are after, and the judges that look from outside.

`sandbox.abuse.suite` runs them: `await run_abuse(sandbox)`.
"""
