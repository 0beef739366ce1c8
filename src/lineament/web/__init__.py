"""The pages: parse the request, call one service, render the answer."""
