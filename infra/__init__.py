"""What is deployed. Read `stack.py`: it lists the parts in flow order, and every permission stands there."""
