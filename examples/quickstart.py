"""The smallest complete program: a graph, a saver, and the one line that measures it."""

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

import statemeter


def answer(state: MessagesState) -> dict:
    """Stands for a call of a model."""
    question = state["messages"][-1].content
    return {"messages": [{"role": "assistant", "content": f"You said: {question}"}]}


builder = StateGraph(MessagesState)
builder.add_node(answer)
builder.add_edge(START, "answer")
graph = statemeter.instrument(builder.compile(checkpointer=InMemorySaver()))

config = {"configurable": {"thread_id": "quickstart"}}
for turn in range(20):
    question = {"role": "user", "content": f"Message {turn} " + "with some text in it " * 40}
    graph.invoke({"messages": [question]}, config)

statemeter.flush()  # only for the count below: the end of a program writes what is left
print(f"{statemeter.stats()['emitted']} events. The thread is on the dashboard: make run")
