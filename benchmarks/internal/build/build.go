// Package build tells what a benchmark was built of.
package build

import "runtime/debug"

// Version is the version of a module in this program: as it is in go.mod, and
// "(devel)" for one that comes from a directory, as those of this repository do.
func Version(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			switch {
			case dep.Path != path:
			case dep.Replace == nil:
				return dep.Version
			case dep.Replace.Version != "":
				return dep.Replace.Version
			}
		}
	}
	return "(devel)"
}
