package web

import (
	"cmp"
	"slices"

	"muster.example/node/api"
)

func bundleRoutes() []route {
	return []route{
		{"GET /o/{org}/bundles", bundles},
		{"POST /o/{org}/bundles", beginBundle},
		{"GET /o/{org}/bundles/export", exportedBundle},
		{"POST /o/{org}/bundles/export", exportBundle},
		{"POST /o/{org}/bundles/kept", keepBundle},
		{"POST /o/{org}/bundles/drop", dropBundle},
		{"GET /o/{org}/bundles/import", bundles},
		{bundleImportPattern, importBundles},
	}
}

// bundleScreen is what waits for a bundle, and whom one can be for.
type bundleScreen struct {
	api.Carrying
	People []api.Contact
	Groups []api.Group
	Splits []string
	Made   bool // a bundle was begun, and is not said to be on the stick
}

// Waits is how many messages and envelopes could go into a bundle.
func (s bundleScreen) Waits() int { return s.Pending + s.Unsealed + s.Envelopes + s.Receipts }

func bundles(v *visit) (answer, error) {
	all, err := v.backend().Carrying(v.ctx())
	if err != nil {
		return answer{}, err
	}
	at := slices.IndexFunc(all, func(c api.Carrying) bool { return c.Org == v.Org.Org })
	if at < 0 {
		return notFound(v)
	}
	s := bundleScreen{Carrying: all[at], Splits: splits}
	if s.People, err = v.choices(); err != nil {
		return answer{}, err
	}
	groups, err := v.backend().Groups(v.ctx(), api.GroupsQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	for _, g := range groups {
		if g.MayWrite {
			s.Groups = append(s.Groups, g)
		}
	}
	_, s.Made = v.server.bundles.shown(v.Org.Org)
	return show("bundles", "bundles.title", s)
}

// beginBundle takes down what a bundle is to be, and leads to where its files are saved.
func beginBundle(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	request := api.BundleRequest{Org: v.Org.Org}
	if f.text("whom") == "members" {
		if request.For = f.named(); len(request.For) == 0 {
			return v.again(api.Errorf(api.CodeUsage, "nobody is chosen whom the bundle is for"), bundles)
		}
	}
	var ok bool
	if request.Split, ok = splitOf(f.text("split")); !ok {
		return v.again(api.Errorf(api.CodeUsage, "%q is no size of a file that is offered", f.text("split")), bundles)
	}
	v.server.bundles.begin(v.Org.Org, request)
	return goOn(v.In("bundles", "export"), "")
}

// exportedBundle shows the files of the bundle that is being saved.
func exportedBundle(v *visit) (answer, error) {
	made, ok := v.server.bundles.shown(v.Org.Org)
	if !ok {
		return goOn(v.In("bundles"), "")
	}
	people, err := v.choices()
	if err != nil {
		return answer{}, err
	}
	groups, err := v.backend().Groups(v.ctx(), api.GroupsQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	names := make(map[string]string)
	for _, p := range people {
		names[p.Member] = p.Name
	}
	for _, g := range groups {
		names[g.Group] = g.Name
	}
	for _, id := range made.For {
		made.Names = append(made.Names, cmp.Or(names[id], id))
	}
	return show("bundle", "bundles.export", made)
}

// keepBundle has the messages of a bundle shown as carried, once the person says that its files are where they are to be. A
// download that has ended says less: it may lie in a folder of this computer.
func keepBundle(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	if _, err := v.backend().BundleKept(v.ctx(), api.BundleKeptRequest{Bundle: f.text("bundle")}); err != nil {
		return v.again(err, exportedBundle)
	}
	v.server.bundles.drop(v.Org.Org)
	return goOn(v.In("bundles"), "bundles.kept")
}

func dropBundle(v *visit) (answer, error) {
	v.server.bundles.drop(v.Org.Org)
	return goOn(v.In("bundles"), "")
}

// splits are the sizes of files that are offered: none, that of a mail, of small memory cards, of a CD, and the most that FAT takes.
var splits = []string{"", "8M", "100M", "700M", "4G"}

// splitOf returns the most bytes of a file; 0 for one file of any size.
func splitOf(choice string) (int64, bool) {
	switch choice {
	case "":
		return 0, true
	case "8M":
		return 8 << 20, true
	case "100M":
		return 100 << 20, true
	case "700M":
		return 700 << 20, true
	case "4G":
		return 4<<30 - 1, true
	}
	return 0, false
}
