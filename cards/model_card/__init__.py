"""The results of one model as its page on the Hub shows them: README, `.eval_results`, plot."""
