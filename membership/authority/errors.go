package authority

import "errors"

// Why an act is refused. Nothing has changed then.
var (
	// ErrSigner means that the signer is not what it claims: no active device of the account, not its recovery key now.
	ErrSigner = errors.New("authority: the signer may not act for the account")
	// ErrCapacity means that nobody in this capacity may do this.
	ErrCapacity = errors.New("authority: this takes another key")
	// ErrSenior means that the device to be barred is not junior to the signer.
	ErrSenior = errors.New("authority: the device is not junior to the one that signed")
	// ErrFrozen means that the account is frozen.
	ErrFrozen = errors.New("authority: the account is frozen")
	// ErrCooling means that the account was frozen too short a time ago.
	ErrCooling = errors.New("authority: the account was frozen too short a time ago")
	// ErrNotFrozen means that there is no freeze to lift.
	ErrNotFrozen = errors.New("authority: the account is not frozen")
	// ErrSuspended means that the member is suspended.
	ErrSuspended = errors.New("authority: the member is suspended")
	// ErrUnknown means that the account has no such device or re-admission.
	ErrUnknown = errors.New("authority: the account has no such device or re-admission")
	// ErrAlready means that it is so already.
	ErrAlready = errors.New("authority: it is so already")
	// ErrPosition means that a bar names a position that is not before itself.
	ErrPosition = errors.New("authority: a bar counts from a position before itself")
	// ErrLimit means that the account has as much of it as it may have.
	ErrLimit = errors.New("authority: the account can hold no more of this")
	// ErrEarly means that the delay of a re-admission is not over.
	ErrEarly = errors.New("authority: the delay of the re-admission is not over")
	// ErrList means that a list is empty or names a device twice.
	ErrList = errors.New("authority: the list is empty, too long or names a device twice")
)
