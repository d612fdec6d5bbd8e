"""What a workflow's files say: reading them safely, inlining references, checking the form."""
