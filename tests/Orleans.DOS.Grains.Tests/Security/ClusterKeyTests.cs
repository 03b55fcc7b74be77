using System.Security.Cryptography;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Security;

public sealed class ClusterKeyTests
{
    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(32);
    private static readonly ClusterKey Key = new(Secret, "c-1");
    private static readonly Principal Alice = new("alice", 12, 34);

    [Fact]
    public void ProcessToken_TellsWhoItWasIssuedTo() => Assert.Equal(
        new Caller(Alice, new ProcessId(101), 3, MachineId.Main),
        Key.ReadProcess(Key.SignProcess(MachineId.Main, new ProcessId(101), 3, Alice)));

    [Fact]
    public void TaskToken_TellsJobAndCoordinator() => Assert.Equal(
        new TaskCaller(new JobId(7), new Caller(Alice, new ProcessId(0), 3, MachineId.Main)),
        Key.ReadTask(Key.SignTask(MachineId.Main, new JobId(7), 3, Alice)));

    [Fact]
    public void NodeToken_TellsNodeAndIncarnation() => Assert.Equal(
        new NodeCaller(new NodeId("n-1"), 65), Key.ReadNode(Key.SignNode(new NodeId("n-1"), 65)));

    [Fact]
    public void Token_WithAnyCharacterChanged_IsRefused()
    {
        var token = Key.SignProcess(MachineId.Main, new ProcessId(101), 3, Alice);
        for (var index = 0; index < token.Length; index++)
        {
            var forged = token[..index] + (token[index] == 'A' ? 'B' : 'A') + token[(index + 1)..];
            // The last character of the mac carries two bits that mean nothing.
            Assert.True(index == token.Length - 1 || Key.ReadProcess(forged) is null, $"character {index}");
        }
    }

    [Fact]
    public void Token_OfAnotherKeyClusterOrKind_IsRefused()
    {
        var process = Key.SignProcess(MachineId.Main, new ProcessId(101), 3, Alice);
        Assert.Null(new ClusterKey(RandomNumberGenerator.GetBytes(32), "c-1").ReadProcess(process));
        Assert.Null(new ClusterKey(Secret, "c-2").ReadProcess(process));
        Assert.Null(Key.ReadNode(process));
        Assert.Null(Key.ReadTask(process));
        Assert.Null(Key.ReadTask(ClusterKey.TaskKind + process[ClusterKey.ProcessKind.Length..]));
        Assert.Null(Key.ReadNode(ClusterKey.NodeKind + process[ClusterKey.ProcessKind.Length..]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("dosn1.")]
    [InlineData("dosn1..")]
    [InlineData("dosn1.!!.??")]
    [InlineData("dosn1.AAAA")]
    public void Token_Malformed_IsRefused(string token)
    {
        Assert.Null(Key.ReadNode(token));
        Assert.Null(Key.ReadProcess(token));
        Assert.Null(Key.ReadTask(token));
    }

    [Theory]
    [InlineData(typeof(INodeTableGrain), "ListAsync", CallAccess.Public)]
    [InlineData(typeof(INodeTableGrain), "ReportAsync", CallAccess.NodesOnly)]
    [InlineData(typeof(IFileGrain), "WriteAsync", CallAccess.Public)]
    [InlineData(typeof(IFileOwner), "PlanReadAsync", CallAccess.NodesOnly)]
    [InlineData(typeof(IProcessDoor), "ExitedAsync", CallAccess.NodesOnly)]
    [InlineData(typeof(INodeService), "DropAsync", CallAccess.NodesOnly)]
    [InlineData(typeof(Orleans.Runtime.IManagementGrain), "GetHosts", CallAccess.Management)]
    public void CallRules_SortMethodsByWhomTheyServe(Type target, string method, CallAccess access) => Assert.Equal(
        access, CallRules.Of(target.GetMethods().First(candidate => candidate.Name == method), target));
}
