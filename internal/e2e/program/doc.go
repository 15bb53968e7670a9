// Package program runs the two programs as they are shipped, for tests from end to end: it builds them, starts them as often as a
// test ends or kills them, and keeps what they say for the test that fails.
//
// Build is for TestMain. A program can run behind another command, such as one that enters a network namespace.
package program
