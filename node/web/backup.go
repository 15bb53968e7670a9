package web

import (
	"muster.example/node/api"
)

func backupRoutes() []route {
	return []route{
		{"GET /o/{org}/backup", backups},
		{"POST /o/{org}/backup", doBackup},
		{"POST /o/{org}/backup/mark", markDrive},
		{"POST /o/{org}/backup/key", backupKey},
	}
}

// backupScreen is how backups stand, and what a drive could be marked at.
type backupScreen struct {
	api.BackupResult
	Volumes []api.BackupVolume // that can be taken out, or are another disk, and are not marked
}

// Locked reports whether the recovery words are asked for.
func (s backupScreen) Locked() bool { return s.Key.State != api.BackupKeyKept }

func backups(v *visit) (answer, error) {
	result, err := v.backend().Backups(v.ctx(), api.BackupQuery{})
	if err != nil {
		return answer{}, err
	}
	s := backupScreen{BackupResult: result}
	volumes, err := v.backend().BackupVolumes(v.ctx())
	if err != nil { // a path can be typed
		volumes = nil
	}
	for _, one := range volumes {
		if !one.SameDisk && one.Marked == "" {
			s.Volumes = append(s.Volumes, one)
		}
	}
	return show("backup", "backup.title", s)
}

// DriveProblem says in the page's language why backups to a drive fail.
func (v *visit) DriveProblem(english string) (said, error) {
	if kind := api.BackupProblem(english); kind != "" {
		text, err := v.T("backup.problem." + kind)
		return said{Text: text}, err
	}
	return said{Text: english + ".", Lang: v.foreign()}, nil
}

// doBackup does something about one drive, or about all.
func doBackup(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	drive, notice := api.DriveRequest{Drive: f.text("drive")}, ""
	switch f.text("do") {
	case "now":
		_, err = v.backend().BackupNow(v.ctx(), drive)
	case "stop":
		_, err = v.backend().StopBackup(v.ctx(), drive)
	case "forget":
		_, err = v.backend().ForgetDrive(v.ctx(), drive)
		notice = "backup.forgotten"
	case "verify":
		return verifyDrive(v, drive)
	case "look": // choosing nothing has the node look at every drive anew
		_, err = v.backend().ChooseBackup(v.ctx(), api.BackupChoiceRequest{})
	case "pause", "resume":
		paused := f.text("do") == "pause"
		_, err = v.backend().ChooseBackup(v.ctx(), api.BackupChoiceRequest{Paused: &paused})
	default:
		err = api.Errorf(api.CodeUsage, "there is no such thing to do")
	}
	if err != nil {
		return v.again(err, backups)
	}
	return goOn(v.In("backup"), notice)
}

// verifyDrive has a drive read, which takes as long as it takes, and ends if the person leaves. What is damaged is on the page then.
func verifyDrive(v *visit, drive api.DriveRequest) (answer, error) {
	verified, err := v.backend().VerifyBackup(v.ctx(), drive)
	switch {
	case err != nil:
		return v.again(err, backups)
	case len(verified.Damage) > 0:
		return goOn(v.In("backup"), "backup.isdamaged")
	}
	return goOn(v.In("backup"), "backup.iswhole")
}

// markDrive has backups made to a drive.
func markDrive(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.MarkDriveRequest{Path: f.text("path"), SameDisk: f.on("same")}
	if _, err := v.backend().MarkDrive(v.ctx(), request); err != nil {
		return v.again(err, backups)
	}
	return goOn(v.In("backup"), "backup.marked")
}

// backupKey makes the key of the words.
func backupKey(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	if f.text("words") == "" {
		return v.again(api.Errorf(api.CodeUsage, "these are not 24 recovery words: check each word and their order"), backups)
	}
	if _, err := v.backend().BackupKey(v.ctx(), api.BackupKeyRequest{Words: f.text("words")}); err != nil {
		return v.again(err, backups)
	}
	return goOn(v.In("backup"), "backup.keykept")
}
