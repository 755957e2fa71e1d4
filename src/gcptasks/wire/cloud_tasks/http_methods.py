"""HTTP methods, and the numbers that they have in messages."""

METHODS = {1: "POST", 2: "GET", 3: "HEAD", 4: "PUT", 5: "DELETE", 6: "PATCH", 7: "OPTIONS"}
METHOD_NUMBERS = {name: number for number, name in METHODS.items()}
