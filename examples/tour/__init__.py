"""A chatbot before and after it was tuned by what Statemeter finds; docs/tour.md walks through it.

| module | is |
|---|---|
| ``before`` | full messages in the state, InMemorySaver, a prompt loaded each turn, a leak |
| ``after`` | a summary and references, SqliteSaver, a cached prompt, no leak |
| ``talk`` | what both are asked, and what a program tells of itself at its end |
| ``table`` | both side by side |
"""
