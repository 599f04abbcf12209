"""A small company's eight LangGraph applications, with canned answers instead of a model.

``python -m examples.demo`` runs them for five minutes so that the dashboard has something to show.

| module | graph | saver | what its memory does |
|---|---|---|---|
| ``support_chat`` | messages of a ticket | SqliteSaver | grows with the square of the turns |
| ``faq_bot`` | messages, trimmed | InMemorySaver, async | stays flat |
| ``knowledge_base`` | retrieved documents | AsyncSqliteSaver | large values in each step |
| ``reports`` | a ``Send`` to each section, ``batch`` | InMemorySaver | many pending writes |
| ``ops_agent`` | tools, one that fails and is resumed | AsyncSqliteSaver | grows by tool output |
| ``quotes`` | a cached node and a subgraph | SqliteSaver | flat, in two namespaces |
| ``refunds`` | interrupts, resumes and forks | SqliteSaver | flat, with branches |
| ``assistant`` | a long-term store: SqliteStore | SqliteSaver | flat, the store remembers |
| ``assistant``, again | InMemoryStore with an index | InMemorySaver | the same, for guests |
"""
