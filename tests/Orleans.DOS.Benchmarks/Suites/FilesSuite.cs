using System.Diagnostics;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Benchmarks.Suites;

/// <summary>Reads, writes, small files and small durable appends, from a client process over the Orleans gateway.</summary>
public sealed class FilesSuite(BenchmarkReport report, BenchmarkLimits limits, IMachine machine, bool quick)
{
    private readonly long _bytes = quick ? 16L << 20 : 1L << 30;

    public async Task RunAsync(CancellationToken cancellation)
    {
        await machine.Files.MakeDirectoryAsync("/bench", parents: true, cancellationToken: cancellation);
        var transfer = await limits.WriteTransferAsync();
        for (var replicas = 1; replicas <= 3; replicas++)
        {
            var rate = await WriteAsync($"/bench/r{replicas}", replicas, cancellation);
            var limit = Math.Min(transfer, limits.DiskWrite / replicas);
            report.Add(replicas switch
            {
                1 => BenchmarkRow.AtLeastShare("write-r1", rate, "MiB/s", limit, 0.5),
                2 => BenchmarkRow.AtLeastShare("write-r2", rate, "MiB/s", limit, 0.3),
                _ => new BenchmarkRow("write-r3", rate, "MiB/s", limit),
            });
        }
        report.Add(BenchmarkRow.AtLeastShare("read", await ReadAsync("/bench/r1", cancellation), "MiB/s", await limits.ReadTransferAsync(), 0.5));
        await CreateAsync(cancellation);
        await DurableAppendAsync(cancellation);
    }

    private async Task<double> WriteAsync(string path, int replicas, CancellationToken cancellation)
    {
        var block = new byte[Limits.FramePayloadBytesMax];
        Random.Shared.NextBytes(block);
        var watch = Stopwatch.StartNew();
        await using (var stream = await machine.Files.OpenWriteAsync(path, new FileOpenOptions { Create = true, Truncate = true, Replicas = replicas }, cancellation))
        {
            for (long written = 0; written < _bytes; written += block.Length)
            {
                await stream.WriteAsync(block, cancellation);
            }
            await stream.FlushAsync(cancellation);
        }
        return _bytes / watch.Elapsed.TotalSeconds / (1 << 20);
    }

    private async Task<double> ReadAsync(string path, CancellationToken cancellation)
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
        return read == _bytes
            ? read / watch.Elapsed.TotalSeconds / (1 << 20)
            : throw new InvalidOperationException($"read {read} bytes of {_bytes}");
    }

    private async Task CreateAsync(CancellationToken cancellation)
    {
        const int inFlight = 16;
        var content = new byte[Limits.InlineBytesMax];
        await machine.Files.MakeDirectoryAsync("/bench/small", parents: true, cancellationToken: cancellation);
        var rate = await Load.PerSecondAsync(quick ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromSeconds(10), inFlight,
            number => machine.Files.PutSmallAsync($"/bench/small/{number}", content, cancellationToken: cancellation));
        report.Add(BenchmarkRow.AtLeastShare("create", rate, "files/s", await limits.RowCommitsAsync(inFlight), 0.4));
    }

    private async Task DurableAppendAsync(CancellationToken cancellation)
    {
        const int inFlight = 64;
        var files = quick ? 64 : 1000;
        var record = new byte[256];
        await machine.Files.MakeDirectoryAsync("/bench/append", parents: true, cancellationToken: cancellation);
        var handles = new IFileHandle[files];
        await Parallel.ForAsync(0, files, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancellation }, async (number, token) =>
        {
            handles[number] = await machine.Files.OpenAsync($"/bench/append/{number}", new FileOpenOptions { Create = true, Durable = true, Replicas = 1 }, token);
            await handles[number].AppendAsync(new byte[Limits.InlineBytesMax + 1], token);
        });
        var rate = await Load.PerSecondAsync(quick ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromSeconds(10), inFlight,
            number => handles[number % files].AppendAsync(record, cancellation));
        var limit = Math.Min(limits.SyncsPerSecond * inFlight, await limits.CallsAsync(inFlight));
        report.Add(BenchmarkRow.AtLeastShare("durable-append", rate, "appends/s", limit, 0.5));
    }
}
