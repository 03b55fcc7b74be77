using System.Globalization;
using System.Text;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Cli.Demo;

/// <summary>The job's whole count table, and what one thread counts over the same bytes.</summary>
internal static class DemoResult
{
    public static async Task<byte[]> ReadAsync(IMachine machine, JobStatus job, CancellationToken cancellation)
    {
        using var table = new MemoryStream();
        foreach (var path in job.Results)
        {
            await using var part = await machine.Files.OpenReadAsync(path, cancellation);
            await part.CopyToAsync(table, cancellation);
        }
        return table.ToArray();
    }

    /// <summary>The same Map, Reduce and Write in one thread of this process.</summary>
    public static byte[] Reference(IReadOnlyList<DemoText> texts, CancellationToken cancellation) =>
        JobReference.Run(new WordCountJob(), texts.Select(text => text.Open()), DemoJob.Partitions, cancellation);

    public static IReadOnlyList<(string Word, long Count)> Top(byte[] table, int words) =>
        [.. Encoding.UTF8.GetString(table).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('\t'))
            .Select(cells => (Word: cells[0], Count: long.Parse(cells[1], CultureInfo.InvariantCulture)))
            .OrderByDescending(entry => entry.Count).ThenBy(entry => entry.Word, StringComparer.Ordinal).Take(words)];
}
