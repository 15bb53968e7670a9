package queue

import "muster.example/internal/keys"

// orgCount is the statistics of an organization.
type orgCount struct {
	org    keys.OrgID
	stats  Stats
	used   Usage
	payers map[keys.MemberID]*payerCount
}

// payerCount is what waits of one payer in an organization.
type payerCount struct {
	org      *orgCount
	payer    keys.MemberID
	used     Usage
	index    uint32 // what cells call it
	messages int    // that name it
}

// add changes u by what is more, or less.
func (u *Usage) add(more Usage) {
	u.Entries += more.Entries
	u.Bodies += more.Bodies
	u.Bytes += more.Bytes
}

// accountLocked returns the counts of a payer in an organization, making them, for one message more.
func (x *index) accountLocked(org keys.OrgID, payer keys.MemberID) *payerCount {
	c := x.orgs[org]
	if c == nil {
		c = &orgCount{org: org, payers: make(map[keys.MemberID]*payerCount)}
		x.orgs[org] = c
	}
	p := c.payers[payer]
	if p == nil {
		p = &payerCount{org: c, payer: payer}
		c.payers[payer] = p
		if n := len(x.freeAccounts); n > 0 {
			p.index, x.freeAccounts = x.freeAccounts[n-1], x.freeAccounts[:n-1]
			x.accounts[p.index] = p
		} else {
			p.index = uint32(len(x.accounts))
			x.accounts = append(x.accounts, p)
		}
	}
	p.messages++
	return p
}

// leaveAccountLocked takes a message off a payer's counts, and forgets who has none left.
func (x *index) leaveAccountLocked(p *payerCount) {
	if p.messages--; p.messages > 0 {
		return
	}
	x.accounts[p.index] = nil
	x.freeAccounts = append(x.freeAccounts, p.index)
	if delete(p.org.payers, p.payer); len(p.org.payers) == 0 {
		delete(x.orgs, p.org.org)
	}
}

// countLocked adds to what waits of a message's payer.
func (x *index) countLocked(c cell, more Usage) {
	p := x.accounts[c.account()]
	x.used.add(more)
	p.org.used.add(more)
	p.used.add(more)
	if c.kind() == Envelope {
		p.org.stats.Entries += more.Entries
		p.org.stats.Bodies += more.Bodies
		p.org.stats.Bytes += more.Bodies * int64(c.size())
	}
}

// Stats implements Engine.
func (e *Embedded) Stats() map[keys.OrgID]Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make(map[keys.OrgID]Stats, len(e.orgs))
	for org, c := range e.orgs {
		if c.stats != (Stats{}) {
			all[org] = c.stats
		}
	}
	return all
}

// Usage implements Engine.
func (e *Embedded) Usage(org keys.OrgID, payer keys.MemberID) (all, of, payers Usage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.orgs[org]
	if c == nil {
		return e.used, Usage{}, Usage{}
	}
	if p := c.payers[payer]; p != nil {
		payers = p.used
	}
	return e.used, c.used, payers
}

// Payers implements Engine.
func (e *Embedded) Payers(org keys.OrgID, visit func(payer keys.MemberID, used Usage)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.orgs[org]; c != nil {
		for payer, p := range c.payers {
			visit(payer, p.used)
		}
	}
}
