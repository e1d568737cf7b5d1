package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
)

// quake is what the function needs of an earthquake's record.
type quake struct {
	ID  any      `json:"id"`
	Mag *float64 `json:"mag"`
	Lat *float64 `json:"lat"`
	Lon *float64 `json:"lon"`
}

// assessment is the function's result for an earthquake.
type assessment struct {
	ID           any     `json:"id"`
	EnergyJoules float64 `json:"energy_joules"`
	NearestCity  string  `json:"nearest_city"`
	DistanceKm   float64 `json:"distance_km"`
}

// fingerprint is its result for a record of any other kind, so that it has
// something to do with whatever file it is given.
type fingerprint struct {
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// assess is the function's work on one record.
func assess(record []byte) (any, error) {
	var q quake
	isQuake := json.Unmarshal(record, &q) == nil && q.Mag != nil && q.Lat != nil && q.Lon != nil
	if !isQuake {
		sum := sha256.Sum256(record)
		return fingerprint{len(record), hex.EncodeToString(sum[:])}, nil
	}
	if *q.Mag < -10 || *q.Mag > 12 {
		return nil, fmt.Errorf("magnitude %v: no earthquake has that", *q.Mag)
	}
	if math.Abs(*q.Lat) > 90 || math.Abs(*q.Lon) > 180 {
		return nil, fmt.Errorf("latitude %v, longitude %v: not on Earth", *q.Lat, *q.Lon)
	}
	nearest, km := nearestCity(*q.Lat, *q.Lon)
	return assessment{q.ID, energy(*q.Mag), nearest, math.Round(km*10) / 10}, nil
}

// energy is what an earthquake of this magnitude radiates, in joules, by the
// relation of Gutenberg and Richter: log10 E = 1.5 M + 4.8.
func energy(magnitude float64) float64 {
	return math.Pow(10, 1.5*magnitude+4.8)
}

func nearestCity(lat, lon float64) (name string, km float64) {
	km = math.Inf(1)
	for _, c := range cities {
		if d := distance(lat, lon, c.lat, c.lon); d < km {
			name, km = c.name, d
		}
	}
	return name, km
}

// distance is that of two points along a great circle, in km, by the haversine
// formula, which stays exact for points that are close.
func distance(lat1, lon1, lat2, lon2 float64) float64 {
	const earthRadius = 6371 // km, the mean
	const radians = math.Pi / 180
	sinLat := math.Sin((lat2 - lat1) * radians / 2)
	sinLon := math.Sin((lon2 - lon1) * radians / 2)
	h := sinLat*sinLat + math.Cos(lat1*radians)*math.Cos(lat2*radians)*sinLon*sinLon
	return 2 * earthRadius * math.Asin(math.Min(1, math.Sqrt(h)))
}

// cities are some of those that lie where the Earth moves.
var cities = []struct {
	name     string
	lat, lon float64
}{
	{"Anchorage", 61.22, -149.90},
	{"Athens", 37.98, 23.73},
	{"Auckland", -36.85, 174.76},
	{"Beijing", 39.90, 116.41},
	{"Casablanca", 33.57, -7.59},
	{"Delhi", 28.61, 77.21},
	{"Fairbanks", 64.84, -147.72},
	{"Guatemala City", 14.63, -90.51},
	{"Honolulu", 21.31, -157.86},
	{"Istanbul", 41.01, 28.98},
	{"Jakarta", -6.21, 106.85},
	{"Kabul", 34.56, 69.21},
	{"Las Vegas", 36.17, -115.14},
	{"Lima", -12.05, -77.04},
	{"Los Angeles", 34.05, -118.24},
	{"Manila", 14.60, 120.98},
	{"Memphis", 35.15, -90.05},
	{"Mexico City", 19.43, -99.13},
	{"Oklahoma City", 35.47, -97.52},
	{"Petropavlovsk-Kamchatsky", 53.02, 158.65},
	{"Port Moresby", -9.44, 147.18},
	{"Quito", -0.18, -78.47},
	{"Reykjavik", 64.15, -21.94},
	{"Rome", 41.90, 12.50},
	{"Salt Lake City", 40.76, -111.89},
	{"San Francisco", 37.77, -122.42},
	{"San Juan", 18.47, -66.11},
	{"Santiago", -33.45, -70.67},
	{"Seattle", 47.61, -122.33},
	{"Suva", -18.14, 178.44},
	{"Taipei", 25.03, 121.57},
	{"Tehran", 35.69, 51.39},
	{"Tokyo", 35.68, 139.69},
}
