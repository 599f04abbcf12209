"""Values of checkpoints on demand, in a process of its own: nothing imported or constructed."""
