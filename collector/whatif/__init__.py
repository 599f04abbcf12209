"""What states would cost under other serializers, measured on those that a thread has."""
