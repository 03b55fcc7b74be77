using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;
using Orleans.DOS.Node.Tests.Chaos.Histories;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Node.Tests.Chaos;

/// <summary>
/// Calls of several clients at a fixed rate, whether or not those before are answered, each of which goes into the history: records
/// appended to logs that are open all the time, small files replaced as a whole, blocks written at positions, all of them read again,
/// files renamed between two directories, and processes.
/// </summary>
internal sealed partial class MixedLoad(IReadOnlyList<IMachine> clients, int seed, int perSecond)
{
    /// <summary>Of a record: small, so that many fit; a log is in segments from its 64th on.</summary>
    private const int RecordBytes = 64;

    private const int Logs = 4, Registers = 6;

    /// <summary>After that many a new log is begun: what is read stays small.</summary>
    private const int RecordsOfALogMax = 1500;

    private readonly ConcurrentQueue<Operation> _history = [];
    private readonly ConcurrentQueue<ProcessId> _spawned = [];
    private readonly ConcurrentDictionary<(int Client, string Log), IFileHandle> _handles = [];
    private readonly int[] _appended = new int[Logs];
    private int _next;

    public IReadOnlyCollection<Operation> History => _history;
    public IReadOnlyCollection<ProcessId> Spawned => _spawned;

    public async Task RunAsync(CancellationToken stop)
    {
        var random = new Random(seed);
        List<Task> calls = [];
        using var ticks = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond));
        try
        {
            while (await ticks.WaitForNextTickAsync(stop))
            {
                var (client, choice, number) = (random.Next(clients.Count), random.Next(100), random.Next(int.MaxValue));
                calls.RemoveAll(call => call.IsCompletedSuccessfully);
                calls.Add(Task.Run(() => CallAsync(client, choice, number), CancellationToken.None));
            }
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }
        await Task.WhenAll(calls);
    }

    /// <summary>Reads everything once more through every client.</summary>
    public async Task ReadAllAsync()
    {
        for (var client = 0; client < clients.Count; client++)
        {
            foreach (var path in _history.Where(operation => operation.Kind is OperationKind.Append).Select(operation => operation.Object).Distinct().ToList())
            {
                await ReadLogAsync(client, path);
            }
            for (var register = 0; register < Registers; register++)
            {
                await GetAsync(client, RegisterOf(register));
            }
            for (var block = 0; block < BlockFiles * Blocks; block++)
            {
                await ReadBlockAsync(client, block);
            }
            for (var file = 0; file < Moved; file++)
            {
                await LookAsync(client, MovedOf(file));
            }
        }
    }

    private Task CallAsync(int client, int choice, int number) => choice switch
    {
        < 32 => AppendAsync(client, number % Logs),
        < 45 => ReadLogAsync(client, LogOf(number % Logs)),
        < 58 => PutAsync(client, RegisterOf(number % Registers)),
        < 69 => GetAsync(client, RegisterOf(number % Registers)),
        < 78 => WriteBlockAsync(client, number),
        < 86 => ReadBlockAsync(client, number),
        < 93 => MoveAsync(client, number),
        _ => SpawnAsync(client),
    };

    private string LogOf(int log) => string.Create(CultureInfo.InvariantCulture, $"/chaos/log-{log}-{Volatile.Read(ref _appended[log]) / RecordsOfALogMax}");

    private static string RegisterOf(int register) => string.Create(CultureInfo.InvariantCulture, $"/chaos/file-{register}");

    private Task AppendAsync(int client, int log)
    {
        var path = LogOf(log);
        Interlocked.Increment(ref _appended[log]);
        var value = Unique(client);
        return RecordAsync(OperationKind.Append, path, value, async () =>
        {
            await (await HandleAsync(client, path)).AppendAsync(Encoding.ASCII.GetBytes(value.PadRight(RecordBytes)));
            return (value, null);
        });
    }

    private Task ReadLogAsync(int client, string path) => RecordAsync(OperationKind.ReadLog, path, null, async () =>
    {
        var content = await ReadAsync(client, path) ?? [];
        var records = content.Chunk(RecordBytes).Select(record => Encoding.ASCII.GetString(record).TrimEnd()).ToList();
        return (null, records);
    });

    private Task PutAsync(int client, string path)
    {
        var value = Unique(client);
        return RecordAsync(OperationKind.Put, path, value, async () =>
        {
            await clients[client].Files.WriteAllBytesAsync(path, Encoding.ASCII.GetBytes(value));
            return (value, null);
        });
    }

    private Task GetAsync(int client, string path) => RecordAsync(OperationKind.Get, path, null, async () =>
        (await ReadAsync(client, path) is { } content ? Encoding.ASCII.GetString(content) : null, null));

    private Task SpawnAsync(int client) => RecordAsync(OperationKind.Spawn, "", null, async () =>
    {
        var spawned = await clients[client].Processes.SpawnAsync(new ProcessSpec { Program = "true" });
        _spawned.Enqueue(spawned.Pid);
        return (null, null);
    });

    private async Task<IFileHandle> HandleAsync(int client, string path)
    {
        if (!_handles.TryGetValue((client, path), out var handle))
        {
            // Never closed: a handle is no more than the file's number.
            handle = await clients[client].Files.OpenAsync(path, new FileOpenOptions { Create = true, Durable = true });
            _handles[(client, path)] = handle;
        }
        return handle;
    }

    private async Task<byte[]?> ReadAsync(int client, string path)
    {
        try
        {
            return await clients[client].Files.ReadAllBytesAsync(path);
        }
        catch (DosException missing) when (missing.Code == DosErrorCode.NoSuchPath)
        {
            return null;
        }
    }

    private Task RecordAsync(OperationKind kind, string path, string? value, Func<Task<(string? Value, IReadOnlyList<string>? Seen)>> call) =>
        RecordAsync(kind, path, value, null, call);

    /// <param name="asked">What is told of it when it fails.</param>
    private async Task RecordAsync(
        OperationKind kind, string path, string? value, IReadOnlyList<string>? asked, Func<Task<(string? Value, IReadOnlyList<string>? Seen)>> call)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            var (answer, seen) = await call();
            _history.Enqueue(new Operation(kind, path, answer, start, Stopwatch.GetTimestamp(), Outcome.Done, seen));
        }
        catch (Exception failure)
        {
            var outcome = (kind, (failure as DosException)?.Code) switch
            {
                (_, null or DosErrorCode.OutcomeUnknown) => Outcome.Unknown,
                (OperationKind.Rename, DosErrorCode.NoSuchPath) => Outcome.Declined,
                _ => Outcome.Refused,
            };
            _history.Enqueue(new Operation(kind, path, value, start, Stopwatch.GetTimestamp(), outcome, asked, $"{failure.GetType().Name}: {failure.Message}"));
        }
    }

    private string Unique(int client) => string.Create(CultureInfo.InvariantCulture, $"{seed}-{client}-{Interlocked.Increment(ref _next)}");
}
