package localapi

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// BackupBackend is the part of Backend about backups to drives.
type BackupBackend interface {
	// Backups tells how backups stand. It is cheap, unless snapshots are asked for.
	Backups(ctx context.Context, query api.BackupQuery) (api.BackupResult, error)
	// BackupVolumes lists the places that a drive could be marked at.
	BackupVolumes(ctx context.Context) ([]api.BackupVolume, error)
	// BackupKey tells which key backups are for, or makes it of the words.
	BackupKey(ctx context.Context, request api.BackupKeyRequest) (api.BackupKeyResult, error)
	// MarkDrive has backups made to a drive from now on, or changes how.
	MarkDrive(ctx context.Context, request api.MarkDriveRequest) (api.BackupDrive, error)
	// ForgetDrive has no more backups made to a drive, and returns it as it was.
	ForgetDrive(ctx context.Context, request api.DriveRequest) (api.BackupDrive, error)
	// BackupNow begins backups at once, and returns at once.
	BackupNow(ctx context.Context, request api.DriveRequest) (api.BackupNowResult, error)
	// StopBackup ends the backup that is made now.
	StopBackup(ctx context.Context, request api.DriveRequest) (api.BackupResult, error)
	// ChooseBackup changes what was chosen for all drives.
	ChooseBackup(ctx context.Context, request api.BackupChoiceRequest) (api.BackupResult, error)
	// VerifyBackup reads all that lies on a drive, which takes as long as it takes.
	VerifyBackup(ctx context.Context, request api.DriveRequest) (api.BackupVerified, error)
}

// backupRoutes adds the routes of BackupBackend. [API-120] [API-121] [API-122] [API-123]
func (s *Server) backupRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("GET /v1/backup", s.query(func(ctx context.Context, q url.Values) (any, error) {
		snapshots, err := boolean(q, "snapshots")
		if err != nil {
			return nil, err
		}
		return b.Backups(ctx, api.BackupQuery{Snapshots: snapshots})
	}, "snapshots"))
	mux.HandleFunc("GET /v1/backup/volumes", s.query(func(ctx context.Context, _ url.Values) (any, error) {
		return list(b.BackupVolumes(ctx))
	}))
	mux.HandleFunc("POST /v1/backup/key", call(s, b.BackupKey))
	mux.HandleFunc("POST /v1/backup/drives", call(s, b.MarkDrive))
	mux.HandleFunc("POST /v1/backup/drives/off", call(s, b.ForgetDrive))
	mux.HandleFunc("POST /v1/backup/now", call(s, b.BackupNow))
	mux.HandleFunc("POST /v1/backup/stop", call(s, b.StopBackup))
	mux.HandleFunc("POST /v1/backup/choice", call(s, b.ChooseBackup))
	mux.HandleFunc("POST /v1/backup/verify", call(s, b.VerifyBackup))
}
