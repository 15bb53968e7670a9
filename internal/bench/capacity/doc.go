// Package capacity reckons what an organization of any size needs and costs, and where the first wall is: from the measured
// cost of one connection, message, event and byte. Pure: numbers in, numbers out.
//
// It owns the unit costs with the command that measured each, the assumptions about an organization, machines and prices, and
// the tables of docs/capacity.md. It must not know how anything is measured. `make capacity` writes the tables anew, and a test
// holds the page against them. internal/bench/load holds its own runs against Predict.
package capacity
