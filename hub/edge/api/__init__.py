"""The operator's API: every act as JSON, for programs with a token."""
