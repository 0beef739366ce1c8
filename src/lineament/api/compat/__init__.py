"""Other products' APIs, spoken so that programs written for them work with Lineament as they are."""
