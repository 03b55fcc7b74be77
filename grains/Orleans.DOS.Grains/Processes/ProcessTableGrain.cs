using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary>The door of a machine's process table. It holds nothing: rows are in the catalog.</summary>
/// <remarks>Reentrant: a spawn that waits for a node holds up nobody else.</remarks>
[StatelessWorker, Reentrant, GrainType("dos.processtable")]
public sealed partial class ProcessTableGrain(
    ICatalog catalog, ProcessWriter writer, ProcessLauncher launcher, SpawnedHere spawned, INodeClients clients, IProgramManifest manifest, TimeProvider time)
    : Grain, IProcessTableGrain, IProcessTableDoor
{
    /// <summary>Of the machine, which keeps it.</summary>
    private string? _name;

    private MachineId Machine => new(GrainKeys.Parse(this.GetPrimaryKeyString()).First);

    public async Task<ProcessStatus> SpawnAsync(CallContext context, ProcessSpec spec)
    {
        Check(context, spec);
        var json = JsonSerializer.SerializeToUtf8Bytes(spec);
        var hash = BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(json));
        if (!await manifest.KnowsAsync(spec.Program))
        {
            return await FindSpawnedAsync(context, hash) ?? throw new DosException(DosErrorCode.UnknownProgram, $"there is no program '{spec.Program}'");
        }
        try
        {
            catalog.RequireRoom();
        }
        catch (DosException full)
        {
            return await FindSpawnedAsync(context, hash) ?? throw new DosException(full.Error);
        }
        var record = await NewRecordAsync(context, spec, json);
        record.Apply(launcher.Choose(record.Row, spec.Labels));
        if (!await writer.SpawnAsync(context, hash, record))
        {
            return await FindSpawnedAsync(context, hash) ?? throw new DosException(DosErrorCode.Unavailable, $"request {context.Request} is being forgotten");
        }
        await launcher.StartAsync(record);
        spawned.Add(record);
        return record.ToStatus();
    }

    /// <summary>The process that this request made before; null when it made none.</summary>
    private async Task<ProcessStatus?> FindSpawnedAsync(CallContext context, long hash) =>
        await catalog.ReadAsync(session => FindRequestAsync(session, context, hash)) is { } pid
            ? (await catalog.FindAsync(pid))?.ToStatus() ?? throw new DosException(DosErrorCode.NoSuchProcess, $"there is no process {pid} any more")
            : null;

    public async Task<Page<ProcessStatus>> ListAsync(CallContext context, bool all, string? after, int limit)
    {
        if (limit is < 1 or > Limits.PageEntriesMax)
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"a page has 1 to {Limits.PageEntriesMax} entries, not {limit}");
        }
        var records = await catalog.ListAsync(Machine, all, ListingPlace.Parse(after), limit);
        var next = records.Count == limit ? new ListingPlace(records[^1].CreatedAt, records[^1].Pid).ToString() : null;
        return new Page<ProcessStatus>([.. records.Select(record => record.ToStatus())], next);
    }

    private void Check(CallContext context, ProcessSpec spec)
    {
        if (context.Machine != Machine)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"the call is for machine {context.Machine}");
        }
        if (context.Request == RequestId.None)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "a spawn needs a request id");
        }
        if (!Enum.IsDefined(spec.Restart))
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"no restart policy {(short)spec.Restart}");
        }
        if (spec.Arguments is null || spec.Environment is null || spec.Labels is null)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "arguments, environment and labels may be empty, not null");
        }
        var texts = spec.Arguments.Concat(spec.Environment.Keys).Concat(spec.Environment.Values).Concat(spec.Labels.Keys).Concat(spec.Labels.Values).Append(spec.WorkingDirectory).Append(spec.Program).ToList();
        if (texts.Any(text => text is null || text.Contains('\0')))
        {
            throw new DosException(DosErrorCode.InvalidArgument, "arguments, environment, labels and paths cannot contain NUL");
        }
        var bytes = texts.Sum(Encoding.UTF8.GetByteCount);
        if (bytes > Limits.ProcessArgumentBytesMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"arguments, environment and labels have {bytes} bytes; the bound is {Limits.ProcessArgumentBytesMax}");
        }
        if (!spec.WorkingDirectory.StartsWith('/') || Encoding.UTF8.GetByteCount(spec.WorkingDirectory) > Limits.PathBytesMax)
        {
            throw new DosException(DosErrorCode.InvalidPath, "the working directory is an absolute path");
        }
    }

    private async Task<ProcessRecord> NewRecordAsync(CallContext context, ProcessSpec spec, byte[] json)
    {
        var name = _name ??= await catalog.ReadAsync(session => session.QueryFirstAsync<string>("SELECT name FROM dos_machines WHERE machine_id = @id", new { id = Machine.Value }))
            ?? throw new DosException(DosErrorCode.NoSuchMachine, $"there is no machine {Machine}");
        var record = new ProcessRecord
        {
            Pid = await catalog.NextIdAsync("pid"), MachineId = Machine.Value, MachineName = name, Program = spec.Program, Spec = json,
            Owner = context.Principal.Name, UserId = context.Principal.UserId, GroupId = context.Principal.GroupId,
            Restart = (long)spec.Restart, ParentPid = spec.Parent?.Value ?? context.Process?.Value, CreatedAt = CatalogTime.From(time.GetUtcNow()),
        };
        record.Apply(ProcessLifecycle.New(spec.Restart));
        return record;
    }

    private static async Task<long?> FindRequestAsync(ICatalogSession session, CallContext context, long hash)
    {
        var row = await session.QueryFirstAsync<SpawnRequest>(
            "SELECT hash AS Hash, answer AS Answer FROM dos_requests WHERE machine_id = @machine AND sender = @sender AND number = @number",
            new { machine = context.Machine.Value, sender = context.Request.Sender, number = context.Request.Number });
        return row is null ? null
            : row.Hash == hash && row.Answer is { Length: 8 } ? BinaryPrimitives.ReadInt64LittleEndian(row.Answer)
            : throw new DosException(DosErrorCode.StepDiverged, $"request {context.Request} was already used for something else");
    }

    private sealed class SpawnRequest
    {
        public long Hash { get; set; }
        public byte[]? Answer { get; set; }
    }
}
