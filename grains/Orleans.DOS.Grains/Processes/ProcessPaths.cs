using System.Globalization;
using System.Text;
using Orleans.DOS.Catalog;
using Orleans.DOS.Files;
using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary><c>/proc/&lt;pid&gt;/{status,stdout,stderr}</c>: the process table and the captured output as files.</summary>
public sealed class ProcessPaths(ICatalog catalog, IGrainFactory grains) : IPathProvider
{
    private static readonly string[] Names = ["status", "stderr", "stdout"];

    public string Root => "proc";

    public async Task<FileStat> StatAsync(CallContext context, IReadOnlyList<string> names)
    {
        switch (names)
        {
            case []:
                return Directory("proc", "/proc", DateTimeOffset.UnixEpoch);
            case [var pid]:
                return Directory(pid, "/proc/" + pid, (await FindAsync(context, pid)).Created);
            case [var pid, var name] when Array.IndexOf(Names, name) >= 0:
                return await StatLeafAsync(context, await FindAsync(context, pid), name);
            default:
                throw NoSuchPath(names);
        }
    }

    public async Task<Page<FileStat>> ListAsync(CallContext context, IReadOnlyList<string> names, string? after, int limit)
    {
        switch (names)
        {
            case []:
                var rows = await PidsAsync(context.Machine, after ?? "", limit);
                return new Page<FileStat>(
                    [.. rows.Select(row => Directory(row.Name, "/proc/" + row.Name, CatalogTime.To(row.CreatedAt)))], rows.Count == limit ? rows[^1].Name : null);
            case [var pid]:
                var status = await FindAsync(context, pid);
                var leaves = Names.Where(name => string.CompareOrdinal(name, after ?? "") > 0).ToList();
                var stats = new List<FileStat>();
                foreach (var name in leaves.Take(limit))
                {
                    if (await TryStatLeafAsync(context, status, name) is { } stat)
                    {
                        stats.Add(stat);
                    }
                }
                return new Page<FileStat>(stats, leaves.Count > limit ? leaves[limit - 1] : null);
            case [_, var name] when Array.IndexOf(Names, name) >= 0:
                throw new DosException(DosErrorCode.NotADirectory, $"/proc/{string.Join('/', names)} is not a directory");
            default:
                throw NoSuchPath(names);
        }
    }

    public async Task<byte[]> ReadAsync(CallContext context, IReadOnlyList<string> names, long position, int count)
    {
        if (names is not [var pid, var name])
        {
            throw names.Count < 2 ? new DosException(DosErrorCode.IsADirectory, $"/proc/{string.Join('/', names)} is a directory") : NoSuchPath(names);
        }
        var status = await FindAsync(context, pid);
        if (name == "status")
        {
            var text = StatusText(status);
            return position >= text.Length ? [] : text[(int)position..(int)Math.Min(position + count, text.Length)];
        }
        var chunk = await Door(context, status.Pid).ReadOutputAsync(context, StreamOf(names, name), position, wait: false);
        // What was dropped reads as zeros, like the hole of a file, so that positions stay true.
        return chunk.Position > position
            ? new byte[(int)Math.Min(count, chunk.Position - position)]
            : chunk.Data.Length > count ? chunk.Data[..count] : chunk.Data;
    }

    /// <summary>Nothing when what was captured is gone or cannot be reached now: the rest of the directory is there all the same.</summary>
    private async Task<FileStat?> TryStatLeafAsync(CallContext context, ProcessStatus status, string name)
    {
        try
        {
            return await StatLeafAsync(context, status, name);
        }
        catch (DosException missing) when (missing.Code is DosErrorCode.NoSuchProcess or DosErrorCode.Unavailable)
        {
            return null;
        }
    }

    private async Task<FileStat> StatLeafAsync(CallContext context, ProcessStatus status, string name)
    {
        // Asking behind the end tells where the end is.
        var size = name == "status"
            ? StatusText(status).Length
            : (await Door(context, status.Pid).ReadOutputAsync(context, StreamOf([name], name), long.MaxValue, wait: false)).Position;
        return new FileStat
        {
            Inode = InodeId.None, Name = name, Kind = InodeKind.File, Size = size == long.MaxValue ? 0 : size, Mode = 0b100_100_100, Links = 1,
            VirtualPath = $"/proc/{status.Pid}/{name}", Accessed = status.Created, Modified = status.Ended ?? status.Created, Changed = status.Ended ?? status.Created,
        };
    }

    private IProcessGrain Door(CallContext context, ProcessId pid) => grains.GetGrain<IProcessGrain>(GrainKeys.Process(context.Machine, pid));

    private async Task<ProcessStatus> FindAsync(CallContext context, string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid.ToString(CultureInfo.InvariantCulture) == text
            && await catalog.FindAsync(pid) is { } record && record.MachineId == context.Machine.Value
            ? record.ToStatus()
            : throw NoSuchPath([text]);

    private Task<IReadOnlyList<PidRow>> PidsAsync(MachineId machine, string after, int limit) =>
        catalog.ReadAsync(session => session.QueryAsync<PidRow>(
            $"SELECT CAST(pid AS TEXT) AS Name, created_at AS CreatedAt FROM dos_processes WHERE machine_id = @machine "
            + $"AND {session.Dialect.Bytewise("CAST(pid AS TEXT)")} > @after ORDER BY {session.Dialect.Bytewise("CAST(pid AS TEXT)")} LIMIT @limit",
            new { machine = machine.Value, after, limit }));

    private static byte[] StatusText(ProcessStatus status)
    {
        var text = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"pid: {status.Pid}\nprogram: {status.Program}\nstate: {status.State}\nincarnation: {status.Incarnation}\n")
            .Append(CultureInfo.InvariantCulture, $"node: {status.Node}\nowner: {status.Owner}\nrestart: {status.Restart}\nrestarts: {status.Restarts}\n")
            .Append(CultureInfo.InvariantCulture, $"created: {status.Created:O}\nstarted: {status.Started:O}\nended: {status.Ended:O}\n")
            .Append(CultureInfo.InvariantCulture, $"exit: {status.ExitCode}\nreason: {status.Reason}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static OutputStream StreamOf(IReadOnlyList<string> names, string name) => name switch
    {
        "stdout" => OutputStream.StandardOutput,
        "stderr" => OutputStream.StandardError,
        _ => throw NoSuchPath(names),
    };

    private static FileStat Directory(string name, string path, DateTimeOffset created) => new()
    {
        Inode = InodeId.None, Name = name, Kind = InodeKind.Directory, Mode = 0b101_101_101, Links = 2, VirtualPath = path,
        Accessed = created, Modified = created, Changed = created,
    };

    private static DosException NoSuchPath(IReadOnlyList<string> names) => new(DosErrorCode.NoSuchPath, $"there is no /proc/{string.Join('/', names)}");

    private sealed class PidRow
    {
        public string Name { get; set; } = "";
        public long CreatedAt { get; set; }
    }
}
