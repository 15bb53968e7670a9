package node

// looseBytes and looseCount are how far beyond its bounds what is carried may go while a bundle is taken in.
const (
	looseBytes = 32 << 20
	looseCount = 2048
)

// keepWithin keeps what is carried within its bounds.
func (x *bundleImport) keepWithin() error {
	x.loose, x.looseSize = 0, 0
	dropped, err := x.o.keepCarriedWithin()
	x.result.Dropped += dropped
	if err != nil {
		return err
	}
	return x.o.tidyCarried()
}

// keepLoose counts what is carried beside what was looked at last, and looks when that is much. [CAR-7]
func (x *bundleImport) keepLoose(size int) error {
	if x.loose, x.looseSize = x.loose+1, x.looseSize+size; x.loose < looseCount && x.looseSize < looseBytes {
		return nil
	}
	return x.keepWithin()
}
