package wire

import (
	"errors"
	"fmt"
	"testing"
)

func TestStatus(t *testing.T) {
	if StatusOK.Err() != nil {
		t.Error("StatusOK is an error")
	}
	wrapped := fmt.Errorf("posting: %w", StatusFull.Err())
	if !errors.Is(wrapped, StatusFull) || errors.Is(wrapped, StatusRefused) {
		t.Error("a status is not found in an error that wraps it")
	}
	if got, ok := errors.AsType[Status](wrapped); !ok || got != StatusFull {
		t.Errorf("the status of %v is %v", wrapped, got)
	}
	for status := StatusOK; int(status) < len(statusText); status++ {
		if status.Error() == "" {
			t.Errorf("status %d has no text", status)
		}
		want := status == StatusFull || status == StatusUnavailable || status == StatusArchiveFull
		if status.Retryable() != want {
			t.Errorf("status %d: retryable is %v", status, !want)
		}
	}
	if Status(9999).Error() == "" || Status(9999).Retryable() || Status(9999).Err() == nil {
		t.Error("an unknown status is not an error to give up on")
	}
}

// Peers of every version read these numbers. [WIRE-5]
func TestStatusNumbersStay(t *testing.T) {
	for status, number := range map[Status]uint16{
		StatusOK: 0, StatusMalformed: 1, StatusNotMember: 2, StatusRefused: 3, StatusNoLeave: 4, StatusTooLarge: 5,
		StatusFull: 6, StatusUnavailable: 7, StatusNotFound: 8, StatusStale: 9, StatusUsed: 10, StatusExpired: 11,
		StatusNameTaken: 12, StatusBadName: 13, StatusLimit: 14, StatusBarred: 15, StatusSuspended: 16, StatusMoved: 17,
		StatusConflict: 18, StatusPending: 19, StatusParked: 20, StatusArchive: 30, StatusArchiveFull: 31,
	} {
		if uint16(status) != number {
			t.Errorf("%v is %d on the wire, want %d", status, uint16(status), number)
		}
	}
}
