using System.Text.Json;
using Orleans.DOS.Files;
using Orleans.DOS.Security;

namespace Orleans.DOS.Nodes;

/// <summary><c>/nodes</c>: one file for each node, its status as JSON.</summary>
public sealed class NodePaths(INodeView view) : IPathProvider
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter() },
    };

    public string Root => "nodes";

    public Task<FileStat> StatAsync(CallContext context, IReadOnlyList<string> names) =>
        Task.FromResult(names.Count == 0 ? RootStat() : ToStat(Find(names)));

    public Task<Page<FileStat>> ListAsync(CallContext context, IReadOnlyList<string> names, string? after, int limit)
    {
        if (names.Count > 0)
        {
            throw new DosException(DosErrorCode.NotADirectory, $"'/nodes/{Find(names).Id}' is not a directory");
        }
        var items = view.Reports.Values
            .Where(report => after is null || ByteOrder.Instance.Compare(report.Id.Value, after) > 0)
            .OrderBy(report => report.Id.Value, ByteOrder.Instance).Select(ToStat).Take(limit + 1).ToList();
        var page = items.Take(limit).ToArray();
        return Task.FromResult(new Page<FileStat>(page, items.Count > limit ? page[^1].Name : null));
    }

    public Task<byte[]> ReadAsync(CallContext context, IReadOnlyList<string> names, long position, int count)
    {
        if (names.Count == 0)
        {
            throw new DosException(DosErrorCode.IsADirectory, "'/nodes' is a directory");
        }
        var content = Content(Find(names));
        var start = (int)Math.Min(position, content.Length);
        return Task.FromResult(content.AsSpan(start, Math.Min(count, content.Length - start)).ToArray());
    }

    private NodeStatus Find(IReadOnlyList<string> names)
    {
        if (!view.Reports.TryGetValue(new NodeId(names[0]), out var report))
        {
            throw new DosException(DosErrorCode.NoSuchPath, $"there is no '/nodes/{DosPath.Shown(names[0])}'");
        }
        return names.Count == 1 ? report : throw new DosException(DosErrorCode.NotADirectory, $"'/nodes/{report.Id}' is not a directory");
    }

    private static byte[] Content(NodeStatus report) => [.. JsonSerializer.SerializeToUtf8Bytes(report, Json), (byte)'\n'];

    private static FileStat RootStat() => new()
    {
        Inode = InodeId.None, Name = "nodes", Kind = InodeKind.Directory, Mode = 0b101_101_101, Links = 2, VirtualPath = "/nodes",
    };

    private static FileStat ToStat(NodeStatus report) => new()
    {
        Inode = InodeId.None, Name = report.Id.Value, Kind = InodeKind.File, Mode = 0b100_100_100, Links = 1, Size = Content(report).Length,
        Accessed = report.Reported, Modified = report.Reported, Changed = report.Reported, VirtualPath = "/nodes/" + report.Id.Value,
    };
}
