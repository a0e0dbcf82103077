"""Commands about results that go to others: sign."""
