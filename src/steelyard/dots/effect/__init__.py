"""What a change brought, by design: each ``answer`` says what a panel allows to be said, and of what grade."""
