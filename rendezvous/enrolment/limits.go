package enrolment

import "time"

const (
	// maxLogins is how many logins may be under way: beyond it a device is told to try again later. [ENR-20]
	maxLogins = 1024
	// siteLogins is how many of them may be begun from one address at once, siteEvery how often beyond.
	siteLogins = 32
	siteEvery  = 5 * time.Second
	// maxSites is how many addresses are told apart.
	maxSites = 4096
	// maxBody is the size of a form, and of the head of a request, in bytes.
	maxBody = 16 << 10
	// maxProviderAnswer is the size of what the provider answers in bytes, providerTime how long it may take.
	maxProviderAnswer = 1 << 20
	providerTime      = 15 * time.Second
	// maxSkew is how far the provider's clock may be ahead or behind, maxAge how old a token may be. [ENR-24]
	maxSkew = time.Minute
	maxAge  = 10 * time.Minute
	// maxSubject is the length of a subject in bytes.
	maxSubject = 255
	// maxSpent is how many tokens are remembered as used, each until it has expired.
	maxSpent = 8192
	// askAgain is how soon after a first refusal the provider is asked again, minRefusals how many suspend. [ENR-31]
	askAgain    = time.Minute
	minRefusals = 2
	// MinCheck is the shortest interval at which the provider is asked about each account.
	MinCheck = time.Second
	// DefaultCheck is the interval unless set otherwise.
	DefaultCheck = 15 * time.Minute
	// MaxCheck is the longest.
	MaxCheck = 24 * time.Hour
	// checkers ask the provider at once.
	checkers = 8
	// pendingTime is how long a signed join may take to come onto the roll before its account is forgotten.
	pendingTime = 24 * time.Hour
	// followTime bounds one look at the roll.
	followTime = time.Minute
)
