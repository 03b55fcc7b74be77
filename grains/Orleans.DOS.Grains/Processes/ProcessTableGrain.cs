using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary>The door of a machine's process table. It holds nothing: rows are in the catalog.</summary>
/// <remarks>Reentrant: a spawn that waits for a node holds up nobody else.</remarks>
[StatelessWorker, Reentrant, GrainType("dos.processtable")]
public sealed class ProcessTableGrain(ICatalog catalog, ProcessLauncher launcher, IProgramManifest manifest, TimeProvider time) : Grain, IProcessTableGrain
{
    private MachineId Machine => new(GrainKeys.Parse(this.GetPrimaryKeyString()).First);

    public async Task<ProcessStatus> SpawnAsync(CallContext context, ProcessSpec spec)
    {
        Check(context, spec);
        var json = JsonSerializer.SerializeToUtf8Bytes(spec);
        var hash = BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(json));
        var earlier = await catalog.ReadAsync(session => FindRequestAsync(session, context, hash));
        if (earlier is { } known)
        {
            return (await catalog.FindAsync(known))?.ToStatus() ?? throw Gone(known);
        }
        if (!await manifest.KnowsAsync(spec.Program))
        {
            throw new DosException(DosErrorCode.UnknownProgram, $"there is no program '{spec.Program}'");
        }
        var record = await NewRecordAsync(context, spec, json);
        record.Apply(launcher.Choose(record.Row, spec.Labels));

        var pid = await catalog.WriteAsync(async session =>
        {
            // A repeat may have come through another node at the same time.
            if (await FindRequestAsync(session, context, hash) is { } other)
            {
                return other;
            }
            if (await RecordRequestAsync(session, context, hash, record.Pid) == 0)
            {
                // It came between the look and the insertion, which waited for its commit.
                return await FindRequestAsync(session, context, hash) ?? throw new DosException(DosErrorCode.Unavailable, $"request {context.Request} is being forgotten");
            }
            await session.InsertAsync(record);
            return record.Pid;
        });
        if (pid != record.Pid)
        {
            return (await catalog.FindAsync(pid))?.ToStatus() ?? throw Gone(pid);
        }
        await launcher.StartAsync(record);
        return record.ToStatus();
    }

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
        var name = await catalog.ReadAsync(session => session.QueryFirstAsync<string>("SELECT name FROM dos_machines WHERE machine_id = @id", new { id = Machine.Value }))
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

    private Task<int> RecordRequestAsync(ICatalogSession session, CallContext context, long hash, long pid)
    {
        var answer = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(answer, pid);
        return session.ExecuteAsync(
            "INSERT INTO dos_requests(machine_id, sender, number, hash, answer, expires_at) VALUES (@machine, @sender, @number, @hash, @answer, @expires) "
            + "ON CONFLICT (machine_id, sender, number) DO NOTHING",
            new
            {
                machine = context.Machine.Value, sender = context.Request.Sender, number = context.Request.Number, hash, answer,
                expires = CatalogTime.From(time.GetUtcNow() + Limits.RequestRetention),
            });
    }

    private static DosException Gone(long pid) => new(DosErrorCode.NoSuchProcess, $"there is no process {pid} any more");

    private sealed class SpawnRequest
    {
        public long Hash { get; set; }
        public byte[]? Answer { get; set; }
    }
}
