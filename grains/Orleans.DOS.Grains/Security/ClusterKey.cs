using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Orleans.DOS.Jobs;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Security;

/// <summary>A node that proved which incarnation of which node it is.</summary>
public readonly record struct NodeCaller(NodeId Node, long Incarnation);

/// <summary>What a task of a job proved.</summary>
public readonly record struct TaskCaller(JobId Job, Caller Caller);

/// <summary>
/// Signs and checks what the cluster says to itself. A token is <c>kind.payload.mac</c>, payload and mac in base64url, mac the
/// HMAC-SHA256 under the cluster's key over <c>kind.payload</c> and the cluster's id, so that no token of one kind or one cluster is
/// ever good as another.
/// </summary>
public sealed class ClusterKey(byte[] key, string clusterId)
{
    public const string NodeKind = "dosn1", ProcessKind = "dosp1", TaskKind = "dost1";

    /// <summary>Separates fields; no name can contain it.</summary>
    private const char Separator = '\n';

    /// <summary>Tokens of nodes kept with what they say: a signature does not turn bad, and each call between nodes carries one of a few.</summary>
    private const int NodeTokensMax = 256;

    private readonly byte[] _clusterId = Encoding.UTF8.GetBytes(clusterId);
    private readonly ConcurrentDictionary<string, NodeCaller> _nodes = new(StringComparer.Ordinal);

    public string SignNode(NodeId node, long incarnation) => Sign(NodeKind, $"{node.Value}{Separator}{Text(incarnation)}");

    public string SignProcess(MachineId machine, ProcessId pid, long incarnation, Principal principal) =>
        Sign(ProcessKind, string.Join(Separator, machine, pid, Text(incarnation), Fields(principal)));

    /// <summary>For the tasks of a job under one coordinator.</summary>
    public string SignTask(MachineId machine, JobId job, long epoch, Principal principal) =>
        Sign(TaskKind, string.Join(Separator, machine, job, Text(epoch), Fields(principal)));

    /// <summary>Null unless this cluster signed it.</summary>
    public NodeCaller? ReadNode(string token)
    {
        if (_nodes.TryGetValue(token, out var known))
        {
            return known;
        }
        if (Read(NodeKind, token)?.Split(Separator) is not [var node, var incarnation])
        {
            return null;
        }
        if (_nodes.Count >= NodeTokensMax)
        {
            // Nodes have started again that often; those that live come back.
            _nodes.Clear();
        }
        return _nodes[token] = new NodeCaller(new NodeId(node), Number(incarnation));
    }

    /// <summary>Null unless this cluster signed it.</summary>
    public Caller? ReadProcess(string token) =>
        Read(ProcessKind, token)?.Split(Separator) is [var machine, var pid, var incarnation, var user, var group, var name]
            ? new Caller(
                new Principal(name, (int)Number(user), (int)Number(group)),
                new ProcessId(Number(pid)), Number(incarnation), new MachineId(Number(machine)))
            : null;

    /// <summary>Null unless this cluster signed it. A task is no process: its caller is process 0.</summary>
    public TaskCaller? ReadTask(string token) =>
        Read(TaskKind, token)?.Split(Separator) is [var machine, var job, var epoch, var user, var group, var name]
            ? new TaskCaller(new JobId(Number(job)), new Caller(
                new Principal(name, (int)Number(user), (int)Number(group)), new ProcessId(0), Number(epoch), new MachineId(Number(machine))))
            : null;

    private static string Fields(Principal principal) => principal.Name.Contains(Separator)
        ? throw new DosException(DosErrorCode.InvalidArgument, "a principal's name has no line breaks")
        : string.Join(Separator, Text(principal.UserId), Text(principal.GroupId), principal.Name);

    private string Sign(string kind, string payload)
    {
        var signed = $"{kind}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload))}";
        return $"{signed}.{Base64Url.EncodeToString(Mac(signed))}";
    }

    private string? Read(string kind, string token)
    {
        var end = token.LastIndexOf('.');
        if (end <= kind.Length || !token.StartsWith(kind + ".", StringComparison.Ordinal))
        {
            return null;
        }
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var text = token.AsSpan(end + 1);
        if (!Base64Url.IsValid(text, out var length) || length != mac.Length
            || !Base64Url.TryDecodeFromChars(text, mac, out _)
            || !CryptographicOperations.FixedTimeEquals(mac, Mac(token[..end])))
        {
            return null;
        }
        return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token.AsSpan(kind.Length + 1, end - kind.Length - 1)));
    }

    private byte[] Mac(string signed) => HMACSHA256.HashData(key, (byte[])[.. Encoding.UTF8.GetBytes(signed), 0, .. _clusterId]);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static long Number(string text) => long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
