"""What people and programs read: snapshots and results to text. Views add nothing up."""
