using System.Diagnostics;
using Orleans.DOS.Benchmarks.Nodes;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;
using Orleans.DOS.Security;

namespace Orleans.DOS.Benchmarks.Suites;

/// <summary>
/// Reads, writes, small files and small durable appends, from a client process over the Orleans gateway. Before the clock each kind of
/// transfer runs once, as the limits' do: code that is compiled meanwhile is neither's speed.
/// </summary>
public sealed class FilesSuite(BenchmarkReport report, BenchmarkLimits limits, IMachine machine, IClusterClient client, RealNodes nodes, BenchmarkSizes sizes)
{
    private const long LargeFileBytes = 4L << 30;
    private readonly long _bytes = sizes.FileBytes;

    // Two cores compile for that long: what they do meanwhile is not the speed of what they compile.
    private TimeSpan WarmUp => sizes.Quick ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromSeconds(60);

    public async Task RunAsync(CancellationToken cancellation)
    {
        await machine.Files.MakeDirectoryAsync("/bench/far", parents: true, cancellationToken: cancellation);
        if (sizes.Cases.Count == 0 || sizes.Cases.Any(name => name is not ("create" or "durable-append")))
        {
            await TransferAsync(cancellation);
        }
        if (sizes.Includes("create"))
        {
            await CreateAsync(cancellation);
        }
        if (sizes.Includes("durable-append"))
        {
            await DurableAppendAsync(cancellation);
        }
    }

    /// <summary>Files with one replica lie on another node than their owner, one on each of the two others.</summary>
    private async Task TransferAsync(CancellationToken cancellation)
    {
        await using var far = await FarFiles.BeginAsync(machine, client, new CallContext { Machine = MachineId.Main, Principal = Principal.Admin, Request = RequestId.None });
        var paths = await far.MakeAsync("/bench/far", 2, cancellation);
        foreach (var path in paths)
        {
            await WriteAsync(path, 1, cancellation);
        }
        if (sizes.Includes("write-r1"))
        {
            report.Add(BenchmarkRow.AtLeastShare("write-r1", await WriteAsync(paths[0], 1, cancellation), "MiB/s", await WriteLimitAsync(1), 0.5));
        }
        if (sizes.Includes("write-r2"))
        {
            report.Add(BenchmarkRow.AtLeastShare("write-r2", await WriteAsync("/bench/r2", 2, cancellation), "MiB/s", await WriteLimitAsync(2), 0.3));
        }
        if (sizes.Includes("write-r3"))
        {
            // The third replica needs the third node.
            await far.DisposeAsync();
            report.Add(new BenchmarkRow("write-r3", await WriteAsync("/bench/r3", 3, cancellation), "MiB/s", await WriteLimitAsync(3)));
        }
        if (sizes.Includes("read"))
        {
            // Which node the client reads through is the client's choice: the slower one had the way over another node.
            await ReadAsync(paths[0], cancellation);
            var rates = new[] { await ReadAsync(paths[0], cancellation), await ReadAsync(paths[1], cancellation) };
            report.Add(BenchmarkRow.AtLeastShare("read", rates.Min(), "MiB/s", await limits.ReadTransferAsync(), 0.5));
        }
        if (sizes.Includes("call-beside-transfer"))
        {
            await CallBesideTransferAsync(paths, cancellation);
        }
        if (sizes.Includes("large-file") && !sizes.Quick)
        {
            await LargeFileAsync(paths[0], cancellation);
        }
    }

    private async Task<double> WriteLimitAsync(int replicas) => Math.Min(await limits.WriteTransferAsync(), limits.DiskWrite / replicas);

    private Task<double> WriteAsync(string path, int replicas, CancellationToken cancellation) => WriteAsync(path, replicas, _bytes, cancellation);

    private async Task<double> WriteAsync(string path, int replicas, long bytes, CancellationToken cancellation)
    {
        var block = new byte[Limits.FramePayloadBytesMax];
        Random.Shared.NextBytes(block);
        var watch = Stopwatch.StartNew();
        await using (var stream = await machine.Files.OpenWriteAsync(path, new FileOpenOptions { Create = true, Truncate = true, Replicas = replicas }, cancellation))
        {
            for (long written = 0; written < bytes; written += block.Length)
            {
                await stream.WriteAsync(block, cancellation);
            }
            await stream.FlushAsync(cancellation);
        }
        return bytes / watch.Elapsed.TotalSeconds / (1 << 20);
    }

    private Task<double> ReadAsync(string path, CancellationToken cancellation) => ReadAsync(path, _bytes, cancellation);

    private async Task<double> ReadAsync(string path, long bytes, CancellationToken cancellation)
    {
        var buffer = new byte[1 << 20];
        var watch = Stopwatch.StartNew();
        long read = 0;
        await using (var stream = await machine.Files.OpenReadAsync(path, cancellation))
        {
            for (int count; (count = await stream.ReadAsync(buffer, cancellation)) > 0;)
            {
                read += count;
            }
        }
        return read == bytes
            ? read / watch.Elapsed.TotalSeconds / (1 << 20)
            : throw new InvalidOperationException($"read {read} bytes of {bytes}");
    }

    /// <summary>
    /// Four files are streamed, two to the nodes and two from them, while a small call goes the same way. Its limit is what a bare call takes beside
    /// bare transfers with as much in flight.
    /// </summary>
    private async Task CallBesideTransferAsync(IReadOnlyList<string> paths, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var streams = Task.WhenAll(
            UntilAsync(() => ReadAsync(paths[0], stop.Token), stop.Token),
            UntilAsync(() => ReadAsync(paths[1], stop.Token), stop.Token),
            UntilAsync(() => WriteAsync("/bench/beside1", 1, stop.Token), stop.Token),
            UntilAsync(() => WriteAsync("/bench/beside2", 2, stop.Token), stop.Token));
        var small = client.GetGrain<Orleans.DOS.Nodes.INodeTableGrain>(GrainKeys.Cluster("nodes"));
        var context = new CallContext { Machine = MachineId.Main, Principal = Principal.Admin, Request = RequestId.None };
        var times = sizes.Quick ? 100 : 2000;
        await Load.MillisecondsAsync(times, () => small.ListAsync(context));
        var taken = await Load.MillisecondsAsync(times, () => small.ListAsync(context));
        await stop.CancelAsync();
        await streams;
        await limits.CallsBesideTransferAsync(times);
        report.Add(BenchmarkRow.AtMost("call-beside-transfer", Load.P99(taken), "ms at p99", 10, Load.P99(await limits.CallsBesideTransferAsync(times))));
    }

    private static async Task UntilAsync(Func<Task> again, CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                await again();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    /// <summary>Written and read once, with what the nodes' memory came to meanwhile.</summary>
    private async Task LargeFileAsync(string path, CancellationToken cancellation)
    {
        nodes.ForgetPeaks();
        await WriteAsync(path, 1, LargeFileBytes, cancellation);
        await ReadAsync(path, LargeFileBytes, cancellation);
        report.Add(BenchmarkRow.AtMost("large-file", nodes.PeakBytes() / 1e6, "MB resident at most", 400));
    }

    private async Task CreateAsync(CancellationToken cancellation)
    {
        const int inFlight = 16;
        var content = new byte[Limits.InlineBytesMax];
        await machine.Files.MakeDirectoryAsync("/bench/small", parents: true, cancellationToken: cancellation);
        // What compiles the code is not measured.
        await Load.PerSecondAsync(sizes.Quick ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromSeconds(15), inFlight,
            number => machine.Files.PutSmallAsync($"/bench/small/w{number}", content, cancellationToken: cancellation));
        var rate = await Load.PerSecondAsync(sizes.Quick ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromSeconds(10), inFlight,
            number => machine.Files.PutSmallAsync($"/bench/small/{number}", content, cancellationToken: cancellation));
        report.Add(BenchmarkRow.AtLeastShare("create", rate, "files/s", await limits.RowCommitsAsync(inFlight), 0.4));
    }

    private async Task DurableAppendAsync(CancellationToken cancellation)
    {
        const int inFlight = 64;
        var files = sizes.Quick ? 64 : 1000;
        var record = new byte[256];
        await machine.Files.MakeDirectoryAsync("/bench/append", parents: true, cancellationToken: cancellation);
        var handles = new IFileHandle[files];
        await Parallel.ForAsync(0, files, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancellation }, async (number, token) =>
        {
            handles[number] = await machine.Files.OpenAsync($"/bench/append/{number}", new FileOpenOptions { Create = true, Durable = true, Replicas = 1 }, token);
            await handles[number].AppendAsync(new byte[Limits.InlineBytesMax + 1], token);
        });
        await Load.PerSecondAsync(WarmUp, inFlight, number => handles[number % files].AppendAsync(record, cancellation));
        var rate = await Load.PerSecondAsync(sizes.Quick ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromSeconds(10), inFlight,
            number => handles[number % files].AppendAsync(record, cancellation));
        var limit = Math.Min(limits.SyncsPerSecond * inFlight, await limits.CallsAsync(inFlight));
        report.Add(BenchmarkRow.AtLeastShare("durable-append", rate, "appends/s", limit, 0.5));
    }
}
