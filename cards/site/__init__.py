"""The leaderboard as a static site: one folder of pages that load nothing from elsewhere."""
