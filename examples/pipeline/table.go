package main

import (
	"context"
	"database/sql"
	"net/url"

	_ "modernc.org/sqlite" // the driver
)

// table is the results, a row for each order. Several processes write to it.
type table struct{ db *sql.DB }

func openTable(ctx context.Context, path string) (*table, error) {
	settings := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)"}}
	db, err := sql.Open("sqlite", "file:"+path+"?"+settings.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // SQLite has one writer
	_, err = db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS results (
		number INTEGER PRIMARY KEY, cents INTEGER, error TEXT, writes INTEGER NOT NULL DEFAULT 1)`)
	if err != nil {
		_ = db.Close() // the error is that of the table
		return nil, err
	}
	return &table{db}, nil
}

// write makes a result the row of its order. A message can come twice, and then this is
// where that must do no harm: the row stays one, and says so.
func (t *table) write(ctx context.Context, number string, p price, failed error) error {
	var cents, text any = p.Cents, nil
	if failed != nil {
		cents, text = nil, failed.Error()
	}
	_, err := t.db.ExecContext(ctx, `INSERT INTO results (number, cents, error) VALUES (?, ?, ?)
		ON CONFLICT (number) DO UPDATE SET cents = excluded.cents, error = excluded.error, writes = writes + 1`, number, cents, text)
	return err
}

// rows is how many orders have a price, have failed, and how many results were written once more.
type rows struct{ priced, failed, again int }

func (t *table) count(ctx context.Context) (r rows, err error) {
	err = t.db.QueryRowContext(ctx, `SELECT COUNT(cents), COUNT(error), COALESCE(SUM(writes - 1), 0) FROM results`).Scan(&r.priced, &r.failed, &r.again)
	return r, err
}

func (t *table) close() error { return t.db.Close() }
