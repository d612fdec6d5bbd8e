"""Whether a prompt keeps what its idea asks for: facts of the idea, judged without a call."""
