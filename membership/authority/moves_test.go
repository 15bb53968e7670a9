package authority

import "slices"

// evilMoves are the events that the thief can have put on the roll, allowed or not: each thief's device, each that the
// thief made, and the admin who works for the thief, signs whatever there is to sign.
func (w *world) evilMoves() (moves []Act) {
	signers := w.thieves()
	for _, key := range append(evilDevices, evilNewcomer) {
		if _, there := w.account.Device(key); there {
			signers = append(signers, key)
		}
	}
	for _, signer := range signers {
		moves = append(moves, w.evilDeviceMoves(signer)...)
	}
	if w.evilAdmin {
		moves = append(moves, w.evilAdminMoves()...)
	}
	return moves
}

func (w *world) evilDeviceMoves(signer Key) (moves []Act) {
	by := func(act Act) {
		act.As, act.Signer = AsDevice, signer
		moves = append(moves, act)
	}
	for _, made := range evilDevices {
		if _, there := w.account.Device(made); !there {
			by(Act{Kind: Add, Device: made})
			break
		}
	}
	for _, d := range w.account.devices {
		by(Act{Kind: Bar, Device: d.Key})
		if d.Key == signer {
			continue
		}
		by(Act{Kind: Bar, Device: d.Key, After: w.start()})
		if w.index > w.start()+1 {
			by(Act{Kind: Bar, Device: d.Key, After: w.start() + 1})
		}
		if kept := w.made(); len(kept) > 0 {
			by(Act{Kind: Bar, Device: d.Key, After: w.start(), Keep: kept})
		}
		if w.mine(d.Key) != w.mine(signer) {
			by(Act{Kind: Bar, Device: d.Key, After: w.index})
		}
	}
	by(Act{Kind: Freeze})
	by(Act{Kind: Replace, Recovery: evilRecovery})
	by(Act{Kind: Order, Order: []Key{signer}})
	for _, waiting := range w.account.waiting {
		if waiting.Device == ownNewcomer {
			by(Act{Kind: Refuse, Event: waiting.Event})
		}
	}
	return moves
}

// made are the devices that the thief made.
func (w *world) made() (list []Key) {
	for _, key := range evilDevices {
		if _, there := w.account.Device(key); there {
			list = append(list, key)
		}
	}
	return list
}

func (w *world) evilAdminMoves() (moves []Act) {
	by := func(act Act) {
		act.As, act.Signer = AsAdmin, evilAdmin
		moves = append(moves, act)
	}
	for _, d := range w.account.devices {
		by(Act{Kind: Bar, Device: d.Key})
	}
	for _, made := range evilDevices {
		if _, there := w.account.Device(made); !there {
			by(Act{Kind: Add, Device: made})
			break
		}
	}
	_, entered := w.account.Device(evilNewcomer)
	if _, waits := w.account.Readmission(evilReadmit); waits {
		moves = append(moves, Act{Kind: Enter, As: AsNewcomer, Signer: evilNewcomer, Event: evilReadmit})
	} else if !entered {
		by(Act{Kind: Readmit, Device: evilNewcomer, Recovery: evilRecovery, Event: evilReadmit})
	}
	return moves
}

// ownMoves are what the owner, and the honest holder of the root key, may do on the way.
func (w *world) ownMoves() (moves []Act) {
	add := func(as Capacity, signer Key, act Act) {
		act.As, act.Signer = as, signer
		moves = append(moves, act)
	}
	if w.lost {
		return w.newcomerMoves()
	}
	thieves, made := w.thieves(), w.made()
	for i := range w.parents {
		if w.isStolen(i) {
			continue
		}
		add(AsDevice, device(i), Act{Kind: Bar, Device: device(i)}) // by mistake, or since it is sold
		for _, thief := range thieves {
			for n := range made { // the owner is fooled
				add(AsDevice, device(i), Act{Kind: Bar, Device: thief, After: w.start(), Keep: made[n : n+1]})
			}
			add(AsDevice, device(i), Act{Kind: Bar, Device: thief, After: w.start()})
		}
		add(AsDevice, device(i), Act{Kind: Freeze})
	}
	recovery := w.account.recovery
	for _, thief := range thieves {
		add(AsRecovery, recovery, Act{Kind: Order, Order: []Key{thief}})
		for n := range made {
			add(AsRecovery, recovery, Act{Kind: Bar, Device: thief, After: w.start(), Keep: made[n : n+1]})
		}
		add(AsRecovery, recovery, Act{Kind: Bar, Device: thief, After: w.start()})
		add(AsAdmin, root, Act{Kind: Bar, Device: thief})
	}
	if _, there := w.account.Device(ownDevice); !there {
		add(AsRecovery, recovery, Act{Kind: Add, Device: ownDevice})
	}
	add(AsRecovery, recovery, Act{Kind: Lift})
	add(AsRecovery, recovery, Act{Kind: Replace, Recovery: nextRecovery})
	if honest := w.honest(); len(honest) > 0 {
		add(AsRecovery, recovery, Act{Kind: Order, Order: honest})
		if last := len(honest) - 1; last > 0 { // the most junior above all
			add(AsRecovery, recovery, Act{Kind: Order, Order: honest[last:]})
		}
	}
	if active := w.activeDevices(); len(active) > 1 { // perhaps before the owner knows of the theft
		slices.Reverse(active)
		add(AsRecovery, recovery, Act{Kind: Order, Order: active})
	}
	return append(moves, w.newcomerMoves()...)
}

// newcomerMoves are those of the owner's re-admission.
func (w *world) newcomerMoves() (moves []Act) {
	add := func(as Capacity, signer Key, act Act) {
		act.As, act.Signer = as, signer
		moves = append(moves, act)
	}
	_, entered := w.account.Device(ownNewcomer)
	if _, waits := w.account.Readmission(ownReadmit); waits {
		add(AsNewcomer, ownNewcomer, Act{Kind: Enter, Event: ownReadmit})
	} else if !entered {
		add(AsAdmin, root, Act{Kind: Readmit, Device: ownNewcomer, Recovery: lastRecovery, Event: ownReadmit, Rooted: true})
	}
	return moves
}

func (w *world) activeDevices() (list []Key) {
	for _, d := range w.account.devices {
		if d.Active() {
			list = append(list, d.Key)
		}
	}
	return list
}

// honest returns the owner's active devices, the most senior first.
func (w *world) honest() (list []Key) {
	for _, d := range w.account.devices {
		if d.Active() && !w.mine(d.Key) {
			list = append(list, d.Key)
		}
	}
	return list
}
