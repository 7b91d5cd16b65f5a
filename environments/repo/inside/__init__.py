"""What runs inside the sandbox: sent there as text, each file whole. Standard library only."""
