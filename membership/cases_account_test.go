package membership_test

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// testOrg shortens what all cases take.
type testOrg = membershiptest.Org

// ofEvent returns a case of an event that the sequencer tags and stamps as it should.
func ofEvent(
	name, rule, comment string, reason membership.Reason, make func(*testOrg) membership.SignedEvent,
) foldCase {
	return foldCase{name, rule, comment, reason, func(o *testOrg) membership.Entry { return o.Entry(make(o)) }}
}

// uncosigned returns an event whose cosignature is another key's than the body names.
func uncosigned(o *testOrg, event membership.SignedEvent) membership.SignedEvent {
	s := parts(event)
	cosignature := o.Key().Sign(keys.DomainEvent, o.ID, s.Body)
	s.Cosignature = cosignature[:]
	return wire.Encode(s)
}

// inviteBy returns an invitation by any key: what a device does that may act, and nothing else.
func inviteBy(o *testOrg, by keys.PrivateKey) membership.SignedEvent {
	e := o.Event(by)
	inviteOf(nil)(o, &e)
	return membership.SignEvent(e, by, nil)
}

// chain adds Ann, whose first device adds a second and that one a third. It returns all three.
func chain(o *testOrg) (ann *membershiptest.Member, first, second, third keys.PrivateKey) {
	ann = o.Join("Ann")
	second = o.AddDevice(ann)
	third = o.AddBy(ann, second)
	return ann, ann.Device(), second, third
}

// barCases: who bars which device, and what that does.
func barCases() []foldCase {
	const malformed, senior, barred = membership.ReasonMalformed, membership.ReasonSenior, membership.ReasonBarred
	return []foldCase{
		ofEvent("ok_device_by_recovery", "[ROLL-72]", "the recovery key adds a device", 0,
			func(o *testOrg) membership.SignedEvent { return o.DeviceEvent(o.Founder.Recovery, o.Key()) }),
		ofEvent("ok_bar_self", "[ROLL-73]", "a device bars itself", 0, func(o *testOrg) membership.SignedEvent {
			_, _, second, _ := chain(o)
			return o.BarEvent(second, second.Public(), 0)
		}),
		ofEvent("ok_bar_junior", "[ROLL-73]", "a device bars one that its junior added", 0,
			func(o *testOrg) membership.SignedEvent {
				_, first, _, third := chain(o)
				return o.BarEvent(first, third.Public(), o.Roll.Size())
			}),
		ofEvent("ok_bar_recovery", "[ROLL-73]", "the recovery key bars the first device", 0,
			func(o *testOrg) membership.SignedEvent {
				ann, first, _, _ := chain(o)
				return o.BarEvent(ann.Recovery, first.Public(), o.Roll.Size())
			}),
		ofEvent("ok_bar_admin", "[ROLL-73]", "an admin bars a member's device", 0,
			func(o *testOrg) membership.SignedEvent {
				_, first, _, _ := chain(o)
				return o.BarEvent(o.Founder.Device(), first.Public(), 0)
			}),
		ofEvent("ok_bar_root", "[ROLL-73]", "the root key bars an admin's device", 0,
			func(o *testOrg) membership.SignedEvent {
				return o.BarEvent(o.Root, o.Founder.Device().Public(), 0)
			}),
		ofEvent("ok_bar_earlier", "[ROLL-74]", "a barred device is barred from an earlier position", 0,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, _ := chain(o)
				o.Bar(first, second.Public(), o.Roll.Size())
				return o.BarEvent(first, second.Public(), 1)
			}),
		ofEvent("ok_bar_kept", "[ROLL-74]", "a device that the bar of its elder keeps speaks on", 0,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, third := chain(o)
				o.Bar(first, second.Public(), 0, third.Public())
				return inviteBy(o, third)
			}),
		ofEvent("ok_bar_before", "[ROLL-74]", "a device that was added before the position speaks on", 0,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, third := chain(o)
				o.Bar(first, second.Public(), o.Roll.Size())
				return inviteBy(o, third)
			}),
		ofEvent("ok_bar_void", "[ROLL-74]", "a device whose bar has become void speaks again", 0,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, third := chain(o)
				position := o.Roll.Size()
				o.Bar(second, third.Public(), position)
				o.Bar(first, second.Public(), position)
				return inviteBy(o, third)
			}),
		ofEvent("bar_senior", "[ROLL-73]", "a device bars the one that added it", senior,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, _ := chain(o)
				return o.BarEvent(second, first.Public(), o.Roll.Size())
			}),
		ofEvent("bar_sibling", "[ROLL-73]", "a device bars another that the same one added", senior,
			func(o *testOrg) membership.SignedEvent {
				ann, first, second, _ := chain(o)
				return o.BarEvent(second, o.AddBy(ann, first).Public(), o.Roll.Size())
			}),
		ofEvent("bar_member", "[ROLL-73]", "a member bars another member's device", membership.ReasonRole,
			func(o *testOrg) membership.SignedEvent {
				return o.BarEvent(o.Join("Ann").Device(), o.Founder.Device().Public(), 0)
			}),
		ofEvent("bar_other_recovery", "[ROLL-70]", "a recovery key bars another member's device", membership.ReasonKeyRole,
			func(o *testOrg) membership.SignedEvent {
				return o.BarEvent(o.Join("Ann").Recovery, o.Founder.Device().Public(), 0)
			}),
		ofEvent("bar_recovery_key", "[ROLL-73]", "a bar of a recovery key", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				return o.BarEvent(o.Founder.Device(), o.Founder.Recovery.Public(), 0)
			}),
		ofEvent("bar_again", "[ROLL-74]", "a device is barred a second time from the same position", membership.ReasonAlready,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, _ := chain(o)
				o.Bar(first, second.Public(), 1)
				return o.BarEvent(first, second.Public(), 1)
			}),
		ofEvent("bar_admin_again", "[ROLL-74]", "an admin bars a device that its senior has barred", membership.ReasonAlready,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, _ := chain(o)
				o.Bar(first, second.Public(), 1)
				return o.BarEvent(o.Founder.Device(), second.Public(), 0)
			}),
		ofEvent("bar_position", "[ROLL-74]", "a bar from a position after itself", membership.ReasonFuture,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, _ := chain(o)
				return o.BarEvent(first, second.Public(), o.Roll.Size()+1)
			}),
		ofEvent("bar_keep_twice", "[ROLL-74]", "a bar that keeps a device twice", malformed,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, third := chain(o)
				return o.BarEvent(first, second.Public(), 1, third.Public(), third.Public())
			}),
		ofEvent("bar_keep_stranger", "[ROLL-74]", "a bar that keeps another member's device", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, _ := chain(o)
				return o.BarEvent(first, second.Public(), 1, o.Founder.Device().Public())
			}),
		ofEvent("bar_keep_many", "[ROLL-40]", "a bar that keeps one device above the cap", malformed,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, third := chain(o)
				keep := make([]keys.PublicKey, membership.MaxListed+1)
				for i := range keep {
					keep[i] = third.Public()
				}
				return o.BarEvent(first, second.Public(), 1, keep...)
			}),
		ofEvent("bar_keep_admin", "[ROLL-73]", "an admin's bar that keeps a device", malformed,
			func(o *testOrg) membership.SignedEvent {
				_, _, second, third := chain(o)
				return o.BarEvent(o.Founder.Device(), second.Public(), 0, third.Public())
			}),
		ofEvent("barred_bars", "[ROLL-70]", "a barred device bars a junior", barred,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, third := chain(o)
				o.Bar(first, second.Public(), o.Roll.Size())
				return o.BarEvent(second, third.Public(), o.Roll.Size())
			}),
		ofEvent("barred_self", "[ROLL-13]", "a device that barred itself invites", barred,
			func(o *testOrg) membership.SignedEvent {
				_, _, second, _ := chain(o)
				o.Bar(second, second.Public(), 0)
				return inviteBy(o, second)
			}),
		ofEvent("barred_admin", "[ROLL-13]", "a device that an admin barred adds another", barred,
			func(o *testOrg) membership.SignedEvent {
				_, first, _, _ := chain(o)
				o.Bar(o.Founder.Device(), first.Public(), 0)
				return o.DeviceEvent(first, o.Key())
			}),
		ofEvent("barred_cascade", "[ROLL-74]", "a device invites that a barred one added after the position", barred,
			func(o *testOrg) membership.SignedEvent {
				_, first, second, third := chain(o)
				o.Bar(first, second.Public(), 0)
				return inviteBy(o, third)
			}),
	}
}

// freezeCases: what a freeze stops, and whom it does not bind.
func freezeCases() []foldCase {
	const frozen, cooling = membership.ReasonFrozen, membership.ReasonCooling
	// after returns a case on the account of chain that its third device froze.
	after := func(next func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			ann, _, _, third := chain(o)
			o.Freeze(third)
			return next(o, ann)
		}
	}
	return []foldCase{
		ofEvent("ok_freeze", "[ROLL-75]", "the most junior device freezes the account", 0,
			func(o *testOrg) membership.SignedEvent {
				_, _, _, third := chain(o)
				return o.FreezeEvent(third)
			}),
		ofEvent("ok_frozen_bar_self", "[ROLL-75]", "a device bars itself while the account is frozen", 0,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				return o.BarEvent(ann.Devices[1], ann.Devices[1].Public(), 0)
			})),
		ofEvent("ok_frozen_bar_freezer", "[ROLL-75]", "a senior bars the device that froze the account", 0,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				return o.BarEvent(ann.Device(), ann.Devices[2].Public(), o.Roll.Size())
			})),
		ofEvent("ok_frozen_bar_admin", "[ROLL-75]", "an admin bars a device of a frozen account", 0,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				return o.BarEvent(o.Founder.Device(), ann.Devices[1].Public(), 0)
			})),
		ofEvent("ok_frozen_bar_recovery", "[ROLL-75]", "the recovery key bars a device of a frozen account", 0,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				return o.BarEvent(ann.Recovery, ann.Device().Public(), o.Roll.Size())
			})),
		ofEvent("ok_frozen_add_recovery", "[ROLL-75]", "the recovery key adds a device to a frozen account", 0,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				return o.DeviceEvent(ann.Recovery, o.Key())
			})),
		ofEvent("ok_freeze_over", "[ROLL-75]", "a device is added when the freeze is over to the millisecond", 0,
			func(o *testOrg) membership.SignedEvent {
				ann := o.Join("Ann")
				frozenAt := o.Now
				o.Freeze(ann.Device())
				o.Now = frozenAt
				o.After(o.Roll.State().Policy().FreezeTime)
				return o.DeviceEvent(ann.Device(), o.Key())
			}),
		ofEvent("ok_freeze_again", "[ROLL-76]", "a second freeze when the account was unfrozen for as long as a freeze lasts", 0,
			func(o *testOrg) membership.SignedEvent {
				ann := o.Join("Ann")
				frozenAt := o.Now
				o.Freeze(ann.Device())
				o.Now = frozenAt
				o.After(2 * o.Roll.State().Policy().FreezeTime)
				return o.FreezeEvent(ann.Device())
			}),
		ofEvent("frozen_add", "[ROLL-75]", "a device is added to a frozen account", frozen,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				return o.DeviceEvent(ann.Device(), o.Key())
			})),
		ofEvent("frozen_bar", "[ROLL-75]", "a senior bars another device than the one that froze the account", frozen,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				return o.BarEvent(ann.Device(), ann.Devices[1].Public(), o.Roll.Size())
			})),
		ofEvent("frozen_freeze", "[ROLL-75]", "a frozen account is frozen", frozen,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				return o.FreezeEvent(ann.Device())
			})),
		ofEvent("frozen_outlasts", "[ROLL-75]", "the bar of the device that froze does not end the freeze", frozen,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				o.Bar(ann.Device(), ann.Devices[2].Public(), 0)
				return o.DeviceEvent(ann.Device(), o.Key())
			})),
		ofEvent("freeze_cooling", "[ROLL-76]", "a second freeze when the first one is just over", cooling,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				o.After(o.Roll.State().Policy().FreezeTime)
				return o.FreezeEvent(ann.Device())
			})),
		ofEvent("freeze_cooling_lifted", "[ROLL-76]", "a second freeze just after the recovery key lifted the first", cooling,
			after(func(o *testOrg, ann *membershiptest.Member) membership.SignedEvent {
				o.Lift(ann.Recovery)
				return o.FreezeEvent(ann.Devices[2])
			})),
		ofEvent("freeze_recovery", "[ROLL-75]", "the recovery key freezes", membership.ReasonKeyRole,
			func(o *testOrg) membership.SignedEvent { return o.FreezeEvent(o.Founder.Recovery) }),
	}
}

// recoveryCases: what only the recovery key does.
func recoveryCases() []foldCase {
	const keyRole, malformed = membership.ReasonKeyRole, membership.ReasonMalformed
	wiped := func(o *testOrg) (ann *membershiptest.Member, device keys.PublicKey) {
		ann, first, second, _ := chain(o)
		e := o.Event(first)
		e.Bar = &membership.Bar{Device: second.Public(), After: o.Roll.Size(), Wipe: true, Records: 3}
		o.Append(membership.SignEvent(e, first, nil))
		return ann, second.Public()
	}
	return []foldCase{
		ofEvent("ok_lift", "[ROLL-77]", "the recovery key lifts a freeze", 0, func(o *testOrg) membership.SignedEvent {
			o.Freeze(o.Founder.Device())
			return o.LiftEvent(o.Founder.Recovery, keys.PublicKey{})
		}),
		ofEvent("ok_lifted", "[ROLL-77]", "a device is added after the freeze was lifted", 0,
			func(o *testOrg) membership.SignedEvent {
				o.Freeze(o.Founder.Device())
				o.Lift(o.Founder.Recovery)
				return o.DeviceEvent(o.Founder.Device(), o.Key())
			}),
		ofEvent("lift_none", "[ROLL-77]", "a lift where there is no freeze", membership.ReasonAlready,
			func(o *testOrg) membership.SignedEvent { return o.LiftEvent(o.Founder.Recovery, keys.PublicKey{}) }),
		ofEvent("lift_device", "[ROLL-77]", "the device that froze lifts the freeze", keyRole,
			func(o *testOrg) membership.SignedEvent {
				o.Freeze(o.Founder.Device())
				return o.LiftEvent(o.Founder.Device(), keys.PublicKey{})
			}),
		ofEvent("ok_lift_wipe", "[ROLL-77]", "the recovery key has a barred device keep its data", 0,
			func(o *testOrg) membership.SignedEvent {
				ann, device := wiped(o)
				return o.LiftEvent(ann.Recovery, device)
			}),
		ofEvent("lift_wipe_none", "[ROLL-77]", "the lift of a wipe that nobody asked for", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				return o.LiftEvent(o.Founder.Recovery, o.Founder.Device().Public())
			}),
		ofEvent("lift_wipe_device", "[ROLL-77]", "a device lifts the wipe of another", keyRole,
			func(o *testOrg) membership.SignedEvent {
				ann, device := wiped(o)
				return o.LiftEvent(ann.Device(), device)
			}),
		ofEvent("ok_recovery", "[ROLL-77]", "the recovery key puts another in its place", 0,
			func(o *testOrg) membership.SignedEvent { return o.ReplaceRecoveryEvent(o.Founder.Recovery, o.Key()) }),
		ofEvent("ok_recovery_new", "[ROLL-77]", "the new recovery key adds a device", 0,
			func(o *testOrg) membership.SignedEvent {
				o.ReplaceRecovery(o.Founder)
				return o.DeviceEvent(o.Founder.Recovery, o.Key())
			}),
		ofEvent("recovery_device", "[ROLL-77]", "a device replaces the recovery key", keyRole,
			func(o *testOrg) membership.SignedEvent { return o.ReplaceRecoveryEvent(o.Founder.Device(), o.Key()) }),
		ofEvent("recovery_old", "[ROLL-77]", "a recovery key that was replaced adds a device", keyRole,
			func(o *testOrg) membership.SignedEvent {
				old := o.Founder.Recovery
				o.ReplaceRecovery(o.Founder)
				return o.DeviceEvent(old, o.Key())
			}),
		ofEvent("recovery_back", "[ROLL-9]", "a recovery key that was replaced comes back", membership.ReasonDuplicateKey,
			func(o *testOrg) membership.SignedEvent {
				old := o.Founder.Recovery
				o.ReplaceRecovery(o.Founder)
				return o.ReplaceRecoveryEvent(o.Founder.Recovery, old)
			}),
		ofEvent("recovery_cosignature", "[ROLL-3]", "a new recovery key that did not sign", membership.ReasonSignature,
			func(o *testOrg) membership.SignedEvent {
				return uncosigned(o, o.ReplaceRecoveryEvent(o.Founder.Recovery, o.Key()))
			}),
		ofEvent("ok_order", "[ROLL-78]", "the recovery key puts the third device above the others", 0,
			func(o *testOrg) membership.SignedEvent {
				ann, _, _, third := chain(o)
				return o.OrderEvent(ann.Recovery, third.Public())
			}),
		ofEvent("ok_order_bar", "[ROLL-71]", "a device bars the one that added it, by the new order", 0,
			func(o *testOrg) membership.SignedEvent {
				ann, first, _, third := chain(o)
				o.Order(ann.Recovery, third.Public())
				return o.BarEvent(third, first.Public(), o.Roll.Size())
			}),
		ofEvent("order_bar", "[ROLL-71]", "a device bars one that it added, against the new order", membership.ReasonSenior,
			func(o *testOrg) membership.SignedEvent {
				ann, first, _, third := chain(o)
				o.Order(ann.Recovery, third.Public())
				return o.BarEvent(first, third.Public(), o.Roll.Size())
			}),
		ofEvent("order_device", "[ROLL-78]", "a device orders the devices", keyRole,
			func(o *testOrg) membership.SignedEvent {
				return o.OrderEvent(o.Founder.Device(), o.Founder.Device().Public())
			}),
		ofEvent("order_none", "[ROLL-78]", "an order of no devices", malformed,
			func(o *testOrg) membership.SignedEvent {
				return o.OrderEvent(o.Founder.Recovery, []keys.PublicKey{}...)
			}),
		ofEvent("order_twice", "[ROLL-78]", "an order that names a device twice", malformed,
			func(o *testOrg) membership.SignedEvent {
				device := o.Founder.Device().Public()
				return o.OrderEvent(o.Founder.Recovery, device, device)
			}),
		ofEvent("order_many", "[ROLL-40]", "an order of one device above the cap", malformed,
			func(o *testOrg) membership.SignedEvent {
				return o.OrderEvent(o.Founder.Recovery, make([]keys.PublicKey, membership.MaxListed+1)...)
			}),
		ofEvent("order_barred", "[ROLL-78]", "an order that names a barred device", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				ann, first, second, _ := chain(o)
				o.Bar(first, second.Public(), 0)
				return o.OrderEvent(ann.Recovery, second.Public())
			}),
	}
}

// readmitCases: how an admin gives an account again, and how the account says no.
func readmitCases() []foldCase {
	// given returns a case after a re-admission of Ann by the founder.
	type given struct {
		ann              *membershiptest.Member
		device, recovery keys.PrivateKey
		id               keys.EventID
	}
	waiting := func(o *testOrg, rooted bool) (g given) {
		g.ann, g.device, g.recovery = o.Join("Ann"), o.Key(), o.Key()
		g.id = o.Readmit(o.Founder.Device(), g.ann, g.device.Public(), g.recovery.Public(), rooted)
		return g
	}
	after := func(rooted bool, next func(o *testOrg, g given) membership.SignedEvent) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent { return next(o, waiting(o, rooted)) }
	}
	readmit := func(by func(*testOrg) keys.PrivateKey, rooted bool) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			ann := o.Join("Ann")
			return o.ReadmitEvent(by(o), ann, o.Key().Public(), o.Key().Public(), rooted)
		}
	}
	founder := func(o *testOrg) keys.PrivateKey { return o.Founder.Device() }
	const barred, unknown = membership.ReasonBarred, membership.ReasonUnknown
	return []foldCase{
		ofEvent("ok_readmit", "[ROLL-80]", "an admin re-admits a member", 0, readmit(founder, false)),
		ofEvent("ok_readmit_rooted", "[ROLL-80]", "an admin and the root key re-admit a member", 0, readmit(founder, true)),
		ofEvent("ok_readmit_root", "[ROLL-80]", "the root key re-admits a member", 0,
			readmit(func(o *testOrg) keys.PrivateKey { return o.Root }, false)),
		ofEvent("readmit_member", "[ROLL-80]", "a member re-admits another", membership.ReasonRole,
			readmit(func(o *testOrg) keys.PrivateKey { return o.Join("Bob").Device() }, false)),
		ofEvent("readmit_recovery", "[ROLL-80]", "a recovery key re-admits", membership.ReasonNotMember,
			readmit(func(o *testOrg) keys.PrivateKey { return o.Founder.Recovery }, false)),
		ofEvent("readmit_own", "[ROLL-94]", "an admin re-admits their own account", membership.ReasonOwnAccount,
			func(o *testOrg) membership.SignedEvent {
				return o.ReadmitEvent(o.Founder.Device(), o.Founder, o.Key().Public(), o.Key().Public(), true)
			}),
		ofEvent("readmit_stranger", "[ROLL-80]", "a re-admission of nobody", unknown,
			func(o *testOrg) membership.SignedEvent {
				return o.ReadmitEvent(o.Founder.Device(), stranger(o, "Bob"), o.Key().Public(), o.Key().Public(), false)
			}),
		ofEvent("readmit_removed", "[ROLL-92]", "a re-admission of a member who was removed", membership.ReasonRemoved,
			func(o *testOrg) membership.SignedEvent {
				ann := o.Join("Ann")
				o.Remove(o.Founder.Device(), ann)
				return o.ReadmitEvent(o.Founder.Device(), ann, o.Key().Public(), o.Key().Public(), false)
			}),
		ofEvent("readmit_device", "[ROLL-9]", "a re-admission with the device that was lost", membership.ReasonDuplicateKey,
			func(o *testOrg) membership.SignedEvent {
				ann := o.Join("Ann")
				return o.ReadmitEvent(o.Founder.Device(), ann, ann.Device().Public(), o.Key().Public(), false)
			}),
		ofEvent("readmit_promised", "[ROLL-9]", "two re-admissions of one device", membership.ReasonDuplicateKey,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				return o.ReadmitEvent(o.Founder.Device(), g.ann, g.device.Public(), o.Key().Public(), false)
			})),
		ofEvent("readmit_one_key", "[ROLL-9]", "a re-admission whose device is its recovery key", membership.ReasonDuplicateKey,
			func(o *testOrg) membership.SignedEvent {
				key := o.Key().Public()
				return o.ReadmitEvent(o.Founder.Device(), o.Join("Ann"), key, key, false)
			}),
		ofEvent("readmit_root_other", "[ROLL-80]", "a re-admission that another key cosigns as the root key",
			membership.ReasonKeyRole, func(o *testOrg) membership.SignedEvent {
				e, other := o.Event(o.Founder.Device()), o.Key()
				e.Readmit = &membership.Readmit{
					Member: o.Join("Ann").ID, Device: o.Key().Public(), Recovery: o.Key().Public(), Root: other.Public(),
				}
				e.Counter = o.Roll.State().NextCounter(o.Founder.Device().Public())
				return membership.SignEvent(e, o.Founder.Device(), &other)
			}),
		ofEvent("readmit_root_signature", "[ROLL-3]", "a re-admission that the root key did not sign",
			membership.ReasonSignature, func(o *testOrg) membership.SignedEvent {
				return uncosigned(o, readmit(founder, true)(o))
			}),
		ofEvent("readmit_many", "[ROLL-80]", "one waiting re-admission above the cap", membership.ReasonLimit,
			func(o *testOrg) membership.SignedEvent {
				ann := o.Join("Ann")
				for range 8 { // each by another device: a second by the same would end the first
					o.Readmit(o.AddDevice(o.Founder), ann, o.Key().Public(), o.Key().Public(), false)
				}
				return o.ReadmitEvent(o.Founder.Device(), ann, o.Key().Public(), o.Key().Public(), false)
			}),
		ofEvent("ok_enter", "[ROLL-80]", "the new device takes the account when the delay is over to the millisecond", 0,
			func(o *testOrg) membership.SignedEvent {
				ann, device := o.Join("Ann"), o.Key()
				readmitted := o.Now
				id := o.Readmit(o.Founder.Device(), ann, device.Public(), o.Key().Public(), false)
				o.Now = readmitted
				o.Wait()
				return o.EnterEvent(device, id)
			}),
		ofEvent("ok_entered", "[ROLL-80]", "the new device of a re-admitted member speaks", 0,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Wait()
				o.Enter(g.device, g.id)
				return inviteBy(o, g.device)
			})),
		ofEvent("ok_entered_recovery", "[ROLL-80]", "the new recovery key of a re-admitted member adds a device", 0,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Wait()
				o.Enter(g.device, g.id)
				return o.DeviceEvent(g.recovery, o.Key())
			})),
		ofEvent("entered_old_device", "[ROLL-80]", "an old device of a re-admitted member speaks", barred,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Wait()
				o.Enter(g.device, g.id)
				return inviteBy(o, g.ann.Device())
			})),
		ofEvent("entered_old_recovery", "[ROLL-80]", "the old recovery key of a re-admitted member adds a device",
			membership.ReasonKeyRole, after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Wait()
				o.Enter(g.device, g.id)
				return o.DeviceEvent(g.ann.Recovery, o.Key())
			})),
		ofEvent("entered_suspended", "[ROLL-91]", "a suspension outlasts a re-admission", membership.ReasonSuspended,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Suspend(o.Founder.Device(), g.ann)
				o.Wait()
				o.Enter(g.device, g.id)
				return inviteBy(o, g.device)
			})),
		ofEvent("enter_early", "[ROLL-80]", "the new device takes the account before the delay is over", membership.ReasonEarly,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.After(o.Roll.State().Policy().ReadmitDelay - 2)
				return o.EnterEvent(g.device, g.id)
			})),
		ofEvent("enter_old_device", "[ROLL-80]", "a device of the account enters for the new one", unknown,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Wait()
				return o.EnterEvent(g.ann.Device(), g.id)
			})),
		ofEvent("enter_recovery", "[ROLL-80]", "the new recovery key enters for the new device", barred,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Wait()
				return o.EnterEvent(g.recovery, g.id)
			})),
		ofEvent("enter_refused", "[ROLL-81]", "the new device enters after the account refused", unknown,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Refuse(g.ann.Device(), g.id)
				o.Wait()
				return o.EnterEvent(g.device, g.id)
			})),
		ofEvent("enter_demoted", "[ROLL-80]", "the admin who re-admitted is no admin any more", membership.ReasonRole,
			func(o *testOrg) membership.SignedEvent {
				bob, ann, device := o.JoinAs("Bob", membership.RoleAdmin), o.Join("Ann"), o.Key()
				id := o.Readmit(bob.Device(), ann, device.Public(), o.Key().Public(), false)
				o.SetRole(o.Founder.Device(), bob, membership.RoleMember)
				o.Wait()
				return o.EnterEvent(device, id)
			}),
		ofEvent("enter_void", "[ROLL-80]", "the device that re-admitted is barred from before", membership.ReasonRole,
			func(o *testOrg) membership.SignedEvent {
				bob, ann, device := o.JoinAs("Bob", membership.RoleAdmin), o.Join("Ann"), o.Key()
				position := o.Roll.Size()
				id := o.Readmit(bob.Device(), ann, device.Public(), o.Key().Public(), false)
				o.Bar(bob.Recovery, bob.Device().Public(), position)
				o.Wait()
				return o.EnterEvent(device, id)
			}),
		ofEvent("enter_removed", "[ROLL-92]", "the new device enters after the member was removed", membership.ReasonRemoved,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Remove(o.Founder.Device(), g.ann)
				o.Wait()
				return o.EnterEvent(g.device, g.id)
			})),
		ofEvent("promised_speaks", "[ROLL-13]", "a device speaks that a re-admission names and that has not entered",
			membership.ReasonNotMember, after(false, func(o *testOrg, g given) membership.SignedEvent {
				return inviteBy(o, g.device)
			})),
		ofEvent("ok_refuse", "[ROLL-81]", "a device refuses a re-admission of its account", 0,
			after(false, func(o *testOrg, g given) membership.SignedEvent { return o.RefuseEvent(g.ann.Device(), g.id) })),
		ofEvent("ok_refuse_recovery", "[ROLL-81]", "the recovery key refuses a re-admission that the root key signed", 0,
			after(true, func(o *testOrg, g given) membership.SignedEvent { return o.RefuseEvent(g.ann.Recovery, g.id) })),
		ofEvent("ok_refuse_barred", "[ROLL-81]", "a device refuses that an admin barred and whose member is suspended", 0,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Bar(o.Founder.Device(), g.ann.Device().Public(), 0)
				o.Suspend(o.Founder.Device(), g.ann)
				return o.RefuseEvent(g.ann.Device(), g.id)
			})),
		ofEvent("ok_refuse_rooted", "[ROLL-81]", "a device that nobody barred refuses what the root key signed", 0,
			after(true, func(o *testOrg, g given) membership.SignedEvent {
				o.Suspend(o.Founder.Device(), g.ann)
				return o.RefuseEvent(g.ann.Device(), g.id)
			})),
		ofEvent("refuse_rooted", "[ROLL-81]", "a device that an admin barred refuses what the root key signed", barred,
			after(true, func(o *testOrg, g given) membership.SignedEvent {
				o.Bar(o.Founder.Device(), g.ann.Device().Public(), 0)
				return o.RefuseEvent(g.ann.Device(), g.id)
			})),
		ofEvent("refuse_barred", "[ROLL-81]", "a device refuses that the account itself barred", barred,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Bar(g.ann.Recovery, g.ann.Device().Public(), o.Roll.Size())
				return o.RefuseEvent(g.ann.Device(), g.id)
			})),
		ofEvent("refuse_other", "[ROLL-81]", "another member refuses", unknown,
			after(false, func(o *testOrg, g given) membership.SignedEvent { return o.RefuseEvent(o.Founder.Device(), g.id) })),
		ofEvent("refuse_root", "[ROLL-81]", "the root key refuses", membership.ReasonKeyRole,
			after(false, func(o *testOrg, g given) membership.SignedEvent { return o.RefuseEvent(o.Root, g.id) })),
		ofEvent("refuse_new", "[ROLL-81]", "the new device refuses", membership.ReasonKeyRole,
			after(false, func(o *testOrg, g given) membership.SignedEvent { return o.RefuseEvent(g.device, g.id) })),
		ofEvent("refuse_removed", "[ROLL-92]", "a device of a removed member refuses", membership.ReasonRemoved,
			after(false, func(o *testOrg, g given) membership.SignedEvent {
				o.Remove(o.Founder.Device(), g.ann)
				return o.RefuseEvent(g.ann.Device(), g.id)
			})),
	}
}
