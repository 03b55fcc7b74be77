using System.Diagnostics;
using Npgsql;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Benchmarks.Suites;

/// <summary>
/// Pages of a large directory. Its entries are put into the tables by SQL: the API would take minutes for a million, and a listing does not
/// see the difference. A page must cost the same at the end as at the beginning.
/// </summary>
public sealed class ListSuite(BenchmarkReport report, IMachine machine, string database, bool quick)
{
    private const string Directory = "/bench/list";
    private readonly int _entries = quick ? 20_000 : 1_000_000;

    public async Task RunAsync(CancellationToken cancellation)
    {
        var directory = await machine.Files.MakeDirectoryAsync(Directory, parents: true, cancellationToken: cancellation);
        await FillAsync(directory.Inode, cancellation);
        // What compiles the code is not measured.
        await WalkAsync(quick ? 20 : 100, cancellation);
        var first = Median(await FirstPagesAsync(11, cancellation));
        var pages = await WalkAsync(int.MaxValue, cancellation);
        var seen = pages.Sum(page => page.Count);
        if (seen != _entries)
        {
            throw new InvalidOperationException($"listed {seen} of {_entries} entries");
        }
        var sample = Math.Min(10, pages.Count / 4);
        report.Add(BenchmarkRow.AtMost("list-first-page", first, $"ms ({_entries:#,0} entries, median)", 50));
        report.Add(BenchmarkRow.AtMost("list-last-to-first", Median(pages.TakeLast(sample)) / Median(pages.Take(sample)), "times a page's time", 2));
    }

    private async Task<List<(int Count, double Milliseconds)>> FirstPagesAsync(int times, CancellationToken cancellation)
    {
        List<(int, double)> pages = [];
        while (pages.Count < times)
        {
            pages.AddRange(await WalkAsync(1, cancellation));
        }
        return pages;
    }

    private async Task<List<(int Count, double Milliseconds)>> WalkAsync(int pagesMax, CancellationToken cancellation)
    {
        List<(int, double)> pages = [];
        for (string? after = null; pages.Count < pagesMax;)
        {
            var watch = Stopwatch.StartNew();
            var page = await machine.Files.ListAsync(Directory, after, Limits.PageEntriesMax, cancellation);
            pages.Add((page.Items.Count, watch.Elapsed.TotalMilliseconds));
            if ((after = page.Next) is null)
            {
                break;
            }
        }
        return pages;
    }

    /// <summary>As the API would have left them: an inode and an entry each, with numbers that the counter gives to nobody else.</summary>
    private async Task FillAsync(InodeId directory, CancellationToken cancellation)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var connection = await source.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await using var fill = new NpgsqlCommand(
            """
            WITH block AS (UPDATE dos_counters SET next = next + @count WHERE name = 'inode' RETURNING next - @count AS first),
            numbers AS (SELECT b.first + n AS inode, n FROM block b, generate_series(0, @count - 1) AS n),
            inodes AS (INSERT INTO dos_inodes(inode_id, machine_id, kind, mode, uid, gid, nlink, size, atime, mtime, ctime, btime, replicas, content, version)
              SELECT inode, 1, 1, 420, 0, 0, 1, 0, 1, 1, 1, 1, 1, ''::bytea, 1 FROM numbers)
            INSERT INTO dos_entries(parent_id, name, inode_id) SELECT @directory, 'entry-' || lpad(n::text, 9, '0'), inode FROM numbers
            """,
            connection, transaction) { CommandTimeout = 600 };
        fill.Parameters.AddWithValue("count", (long)_entries);
        fill.Parameters.AddWithValue("directory", directory.Value);
        await fill.ExecuteNonQueryAsync(cancellation);
        await transaction.CommitAsync(cancellation);
    }

    private static double Median(IEnumerable<(int Count, double Milliseconds)> pages)
    {
        var sorted = pages.Select(page => page.Milliseconds).Order().ToList();
        return sorted[sorted.Count / 2];
    }
}
