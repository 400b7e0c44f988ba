"""What people read: the leaderboard page and its plot, made from result files."""
