package backup

import "time"

// Snapshot is what a repository held at one time.
type Snapshot struct {
	Number uint64 // ascends; gaps are no sign of anything
	Time   time.Time
	Items  int
	Bytes  int64 // of the items' bodies
	// Complete says that all files of the snapshot are there with the sizes that they had. Whether what is in them is intact, Read and
	// Verify tell.
	Complete bool

	from *snapshot
}

func publicSnapshot(s *snapshot, on *shelf) Snapshot {
	return Snapshot{Number: s.Number, Time: time.UnixMilli(int64(s.Time)).UTC(), Items: int(s.Items), Bytes: int64(s.Bytes),
		Complete: s.complete(on), from: s}
}
