// The field numbers of volumes, claims and what they are made of, as field-numbers.ts has those of the rest of core/v1.

export const volumes: Readonly<Record<string, string>> = {
  Volume: "name +VolumeSource",
  VolumeSource: `hostPath emptyDir gcePersistentDisk awsElasticBlockStore gitRepo secret nfs iscsi glusterfs
    persistentVolumeClaim rbd flexVolume cinder cephfs flocker downwardAPI fc azureFile configMap vsphereVolume quobyte
    azureDisk photonPersistentDisk portworxVolume scaleIO projected storageos csi ephemeral image`,
  HostPathVolumeSource: "path type",
  EmptyDirVolumeSource: "medium sizeLimit",
  SecretVolumeSource: "secretName items defaultMode optional",
  ConfigMapVolumeSource: "+LocalObjectReference items defaultMode optional",
  KeyToPath: "key path mode",
  PersistentVolumeClaimVolumeSource: "claimName readOnly",
  DownwardAPIVolumeSource: "items defaultMode",
  DownwardAPIVolumeFile: "path fieldRef resourceFieldRef mode",
  ProjectedVolumeSource: "sources defaultMode",
  VolumeProjection: "secret downwardAPI configMap serviceAccountToken clusterTrustBundle podCertificate",
  SecretProjection: "+LocalObjectReference items 4:optional",
  ConfigMapProjection: "+LocalObjectReference items 4:optional",
  DownwardAPIProjection: "items",
  ServiceAccountTokenProjection: "audience expirationSeconds path",
  ClusterTrustBundleProjection: "name signerName labelSelector path optional",
  CSIVolumeSource: "driver readOnly fsType volumeAttributes nodePublishSecretRef",
  EphemeralVolumeSource: "volumeClaimTemplate",
  ImageVolumeSource: "reference pullPolicy",
  GCEPersistentDiskVolumeSource: "pdName fsType partition readOnly",
  AWSElasticBlockStoreVolumeSource: "volumeID fsType partition readOnly",
  GitRepoVolumeSource: "repository revision directory",
  NFSVolumeSource: "server path readOnly",
  ISCSIVolumeSource: `targetPortal iqn lun iscsiInterface fsType readOnly portals chapAuthDiscovery 10:secretRef
    chapAuthSession initiatorName`,
  GlusterfsVolumeSource: "endpoints path readOnly",
  RBDVolumeSource: "monitors image fsType pool user keyring secretRef readOnly",
  FlexVolumeSource: "driver fsType secretRef readOnly options",
  CinderVolumeSource: "volumeID fsType readOnly secretRef",
  CephFSVolumeSource: "monitors path user secretFile secretRef readOnly",
  FlockerVolumeSource: "datasetName datasetUUID",
  FCVolumeSource: "targetWWNs lun fsType readOnly wwids",
  AzureFileVolumeSource: "secretName shareName readOnly",
  VsphereVirtualDiskVolumeSource: "volumePath fsType storagePolicyName storagePolicyID",
  QuobyteVolumeSource: "registry volume readOnly user group tenant",
  AzureDiskVolumeSource: "diskName diskURI cachingMode fsType readOnly kind",
  PhotonPersistentDiskVolumeSource: "pdID fsType",
  PortworxVolumeSource: "volumeID fsType readOnly",
  ScaleIOVolumeSource: `gateway system secretRef sslEnabled protectionDomain storagePool storageMode volumeName fsType
    readOnly`,
  StorageOSVolumeSource: "volumeName volumeNamespace fsType readOnly secretRef",
  PersistentVolume: "metadata spec status",
  PersistentVolumeSpec: `capacity +PersistentVolumeSource accessModes claimRef persistentVolumeReclaimPolicy
    storageClassName mountOptions volumeMode nodeAffinity volumeAttributesClassName`,
  PersistentVolumeSource: `gcePersistentDisk awsElasticBlockStore hostPath glusterfs nfs rbd iscsi cinder cephfs fc
    flocker flexVolume azureFile vsphereVolume quobyte azureDisk photonPersistentDisk portworxVolume scaleIO local
    storageos csi`,
  PersistentVolumeStatus: "phase message reason lastPhaseTransitionTime",
  VolumeNodeAffinity: "required",
  GlusterfsPersistentVolumeSource: "endpoints path readOnly endpointsNamespace",
  RBDPersistentVolumeSource: "monitors image fsType pool user keyring secretRef readOnly",
  ISCSIPersistentVolumeSource: `targetPortal iqn lun iscsiInterface fsType readOnly portals chapAuthDiscovery
    10:secretRef chapAuthSession initiatorName`,
  CinderPersistentVolumeSource: "volumeID fsType readOnly secretRef",
  CephFSPersistentVolumeSource: "monitors path user secretFile secretRef readOnly",
  FlexPersistentVolumeSource: "driver fsType secretRef readOnly options",
  AzureFilePersistentVolumeSource: "secretName shareName readOnly secretNamespace",
  ScaleIOPersistentVolumeSource: `gateway system secretRef sslEnabled protectionDomain storagePool storageMode
    volumeName fsType readOnly`,
  LocalVolumeSource: "path fsType",
  StorageOSPersistentVolumeSource: "volumeName volumeNamespace fsType readOnly secretRef",
  CSIPersistentVolumeSource: `driver volumeHandle readOnly fsType volumeAttributes controllerPublishSecretRef
    nodeStageSecretRef nodePublishSecretRef controllerExpandSecretRef nodeExpandSecretRef`,
  PersistentVolumeClaim: "metadata spec status",
  PersistentVolumeClaimTemplate: "metadata spec",
  PersistentVolumeClaimStatus: `phase accessModes capacity conditions allocatedResources 7:allocatedResourceStatuses
    currentVolumeAttributesClassName modifyVolumeStatus`,
  PersistentVolumeClaimCondition: "type status lastProbeTime lastTransitionTime reason message",
  ModifyVolumeStatus: "targetVolumeAttributesClassName status",
  TopologySelectorTerm: "matchLabelExpressions",
  TopologySelectorLabelRequirement: "key values",
  PersistentVolumeClaimSpec: `accessModes resources volumeName selector storageClassName volumeMode dataSource
    dataSourceRef volumeAttributesClassName`,
};
