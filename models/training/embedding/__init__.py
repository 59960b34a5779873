"""Train the singer embedding on recordings of many singers, and score it beside other judges."""
