using System.Globalization;
using System.Runtime.CompilerServices;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Jobs;

/// <summary>In which order a reader gets the files of a result.</summary>
public enum ResultOrder : byte
{
    /// <summary>As the result reads: part 0, then part 1, each as soon as it is there.</summary>
    InOrder = 1,
    /// <summary>Whichever is there first.</summary>
    AsTheyCome = 2,
}

/// <summary>A file of a job's result, whole and in its place.</summary>
/// <param name="Part">From 0; the parts in a row are the result.</param>
public sealed record JobResult(int Part, string Path);

/// <summary>The results of a job while it runs; made of nothing but <see cref="IJobs"/> and <see cref="IFiles"/>.</summary>
public static class JobResults
{
    private const string Prefix = "part-";
    private const int DigitsMin = 5;

    /// <summary>Name of a part's file below <see cref="JobStatus.Output"/>.</summary>
    public static string FileName(int part) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{part:d5}");

    /// <summary>The part whose file has this name; null when none has.</summary>
    public static int? PartOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.StartsWith(Prefix, StringComparison.Ordinal) && name.Length >= Prefix.Length + DigitsMin
            && int.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var part) && FileName(part) == name ? part : null;
    }

    /// <summary>Each file of the result once, until all were there.</summary>
    /// <exception cref="DosException">NoSuchJob; NotRunning: the job has failed or was cancelled, and its files are taken away.</exception>
    public static async IAsyncEnumerable<JobResult> ResultsAsync(
        this IMachine machine, JobId job, ResultOrder order = ResultOrder.InOrder, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        var arrivals = new Arrivals(order);
        var ready = 0;
        await foreach (var status in machine.Jobs.WatchAsync(job, cancellationToken).ConfigureAwait(false))
        {
            if (status.State is JobState.Failed or JobState.Cancelled)
            {
                throw new DosException(DosErrorCode.NotRunning, $"job {job} has ended without a result: {status.Reason ?? "it was cancelled"}");
            }
            if (status.HasEnded)
            {
                foreach (var part in arrivals.Take(Enumerable.Range(0, status.Results.Count)))
                {
                    yield return new JobResult(part, status.Results[part]);
                }
                yield break;
            }
            if (status.ResultsReady == ready)
            {
                continue;
            }
            ready = status.ResultsReady;
            foreach (var part in arrivals.Take(await PartsAsync(machine, status.Output, cancellationToken).ConfigureAwait(false)))
            {
                yield return new JobResult(part, $"{status.Output}/{FileName(part)}");
            }
        }
    }

    private static async Task<IReadOnlyList<int>> PartsAsync(IMachine machine, string output, CancellationToken cancellationToken)
    {
        var parts = new List<int>();
        for (string? after = null; ;)
        {
            var page = await machine.Files.ListAsync(output, after, Limits.PageEntriesMax, cancellationToken).ConfigureAwait(false);
            parts.AddRange(page.Items.Select(entry => PartOf(entry.Name)).OfType<int>());
            if ((after = page.Next) is null)
            {
                return parts;
            }
        }
    }

    /// <summary>What was handed out, and in order also what still waits for one before it.</summary>
    private sealed class Arrivals(ResultOrder order)
    {
        private readonly HashSet<int> _known = [];
        private int _next;

        public IEnumerable<int> Take(IEnumerable<int> there)
        {
            var added = there.Where(_known.Add).ToArray();
            if (order == ResultOrder.AsTheyCome)
            {
                return added;
            }
            var from = _next;
            while (_known.Contains(_next))
            {
                _next++;
            }
            return Enumerable.Range(from, _next - from);
        }
    }
}
