"""A partner's own broker (AMQP 0-9-1, pika): what its adapter writes is published there, what it sends is taken from there."""
